"""Whether draws lean on what was known before them in a way that the logged probabilities do not; no target policy.

Where the probabilities are right, drawn - p of an action is noise with which nothing known before the draw goes along.
So for each action and each number known before, the sum of (drawn - p) f is compared with how far chance takes it, by
an inequality that holds for few and uneven draws too (Freedman, 1975), with f measured from where drawn - p alone would
not move the sum. The sums add up over pieces of a log.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.evaluate.checks import Matrix, Vector

Sums = Mapping[tuple[str, str], Vector]
"""By action and feature: sums of drawn - p, its variance p (1 - p), drawn - p times f, the variance times f and times
f^2, then the least and the greatest f (7,)."""
_ADDED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaning:
    """The action and feature that go together most, and a bound of the p value of the worst of all going together so.

    `z` is in standard deviations: above 0 where the action was drawn more often, the higher the feature, than was said.
    """

    p_value: float
    action: str
    feature: str
    z: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws:
    """What could be drawn (m): the action's code into `actions`, the row, its probability, and 1 where it was drawn."""

    actions: Sequence[str]
    code: NDArray[np.integer]
    row: NDArray[np.intp]
    probability: Vector
    drawn: Vector


def add_up(draws: Draws, features: Matrix, names: Sequence[str]) -> dict[tuple[str, str], Vector]:
    """Return the sums of draws, by the features (n, d) of their rows."""
    # Long tails are drawn in: one row must not weigh as much as all the others.
    drawn_in = np.sign(features) * np.log1p(np.abs(features))
    apart, variance = draws.drawn - draws.probability, draws.probability * (1 - draws.probability)
    found: dict[tuple[str, str], Vector] = {}
    for code in np.unique(draws.code).tolist():
        which = np.flatnonzero(draws.code == code)
        f, a, v = drawn_in[draws.row[which]], apart[which], variance[which]
        whole = np.ones(f.shape[1])
        sums = np.stack([a.sum() * whole, v.sum() * whole, a @ f, v @ f, v @ (f * f), f.min(axis=0), f.max(axis=0)])
        found |= {(draws.actions[code], name): column for name, column in zip(names, sums.T, strict=True)}
    return found


def joined(one: Vector | None, other: Vector) -> Vector:
    """Return the sums of two pieces together."""
    if one is None:
        return other
    return np.array([*(one + other)[:_ADDED], min(one[-2], other[-2]), max(one[-1], other[-1])])


def strongest(sums: Sums) -> Leaning | None:
    """Return what leans most, Bonferroni-corrected; None where nothing could be told from any features."""
    keys = list(sums)
    table = np.array([sums[key] for key in keys]).reshape(len(keys), _ADDED + 2)
    apart, variance, with_f, variance_f, variance_ff, low, high = table.T
    centre = np.divide(variance_f, variance, out=np.zeros(len(keys)), where=variance > 0)
    left = variance_ff - centre * variance_f
    telling = left > 1e-9 * np.maximum(variance_ff, 1e-9)
    if not telling.any():
        return None
    moved, reach = with_f - centre * apart, np.maximum(high - centre, centre - low)
    chance = np.where(telling, left + reach * np.abs(moved) / 3, math.inf)
    exponent = moved**2 / (2 * chance)
    worst = int(np.argmax(exponent))
    return Leaning(
        p_value=min(2 * int(telling.sum()) * math.exp(-float(exponent[worst])), 1.0),
        action=keys[worst][0],
        feature=keys[worst][1],
        z=float(moved[worst] / math.sqrt(left[worst])),
    )


def by_features(pmf: Matrix, action: NDArray[np.intp], features: Matrix, names: Sequence[str]) -> Leaning | None:
    """Return what leans most in draws from pmfs (n, k), by features (n, d)."""
    n, k = pmf.shape
    drawn = np.zeros((n, k))
    drawn[np.arange(n), action] = 1.0
    draws = Draws(
        actions=[str(code) for code in range(k)],
        code=np.tile(np.arange(k), n),
        row=np.repeat(np.arange(n), k),
        probability=pmf.ravel(),
        drawn=drawn.ravel(),
    )
    return strongest(add_up(draws, features, names))
