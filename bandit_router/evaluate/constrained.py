"""Empirical likelihood of a mean of scores, given what is known to have mean 0; it knows no policy.

Rows are reweighted as little as possible in likelihood so that everything known averages to 0 and the scores to a value
(Owen, 1988; Qin and Lawless, 1994). What is known takes out of the scores all that moves with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from bandit_router.evaluate.checks import Matrix, Vector
from bandit_router.evaluate.crossing import cross
from bandit_router.evaluate.quantile import normal

_STEPS: Final = 60
_RIDGE: Final = 1e-10
"""Keeps what is known twice from making a step undefined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Scores (n,), what averages to 0 beside them (n, k), and how often each row counts (n,)."""

    scores: Vector
    zero: Matrix
    count: Vector


def mean_given(known: Known, *, alpha: float) -> tuple[float, float, float]:
    """Return the likeliest mean score and the interval of means not much less likely, at 1 - alpha."""
    low, high = float(known.scores.min()), float(known.scores.max())
    if low == high:
        return low, low, high
    spread = float(known.scores.std())
    free = _fit(known.zero, known.count, np.zeros(known.zero.shape[1]))
    mass = known.count / (1 + known.zero @ free.multipliers)
    centre = float(mass @ known.scores / mass.sum())
    z = normal(1 - alpha / 2)

    def excess(value: float, start: Vector) -> tuple[float, Vector]:
        moved = np.column_stack([known.zero, (known.scores - value) / spread])
        fit = _fit(moved, known.count, start)
        return math.sqrt(max(2 * (fit.cost - free.cost), 0.0)) - z, fit.multipliers

    reach = z * spread / math.sqrt(len(known.scores))
    start = np.append(free.multipliers, 0.0)
    ends = [cross(excess, centre, end, reach=reach, z=z, start=start) for end in (low, high)]
    return centre, ends[0], ends[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    cost: float
    multipliers: Vector


def _fit(zero: Matrix, count: Vector, start: Vector) -> _Fit:
    """Maximise sum count log(1 + zero l) over the multipliers l (k,), by Newton's method within the domain."""
    at, cost = start, _cost(zero, count, start)
    if math.isinf(cost):
        at, cost = np.zeros(len(start)), 0.0
    for _ in range(_STEPS if len(at) else 0):
        terms = 1 + zero @ at
        share = count / terms
        slope = zero.T @ share
        bend = (zero * (share / terms)[:, None]).T @ zero
        step = np.linalg.solve(bend + np.eye(len(at)) * (_RIDGE * np.trace(bend) + 1e-12), slope)
        gain = float(step @ slope)
        if gain < 1e-9:
            break
        lowest = float(((zero @ step) / terms).min())
        size = min(1.0, -0.95 / lowest) if lowest < 0 else 1.0
        while size > 1e-9 and (reached := _cost(zero, count, at + size * step)) < cost + 0.1 * size * gain:
            size /= 2
        at, cost = at + size * step, max(reached, cost)
    return _Fit(cost=cost, multipliers=at)


def _cost(zero: Matrix, count: Vector, at: Vector) -> float:
    terms = 1 + zero @ at
    return -math.inf if terms.min() <= 0 else float(count @ np.log(terms))
