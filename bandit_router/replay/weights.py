"""Facts and a target's weights as rows for the estimators: of reward, quality and dollars; it estimates nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bandit_router.evaluate.rows import Rows
from bandit_router.replay.facts import Facts, Vector
from bandit_router.replay.taken import Taken
from bandit_router.reward.utility import HIGH, LOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often a panel that was asked came to a quality, and feedback came where none was asked."""

    panel: float
    feedback: float

    @classmethod
    def of(cls, facts: Facts) -> Rates:
        """Return the shares in a log; nobody logged with what probability these came about."""
        known = ~np.isnan(facts.quality)
        return cls(panel=_share(known[facts.asked]), feedback=_share(known[~facts.asked]))


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """Where qualities were seen, and 1 / the probability of that there, 0 elsewhere (n)."""

    known: NDArray[np.bool_]
    inverse: Vector

    @classmethod
    def of(cls, facts: Facts, rates: Rates) -> Seen:
        """Return it for a log."""
        known = ~np.isnan(facts.quality)
        chance = facts.share.astype(np.float64) * rates.panel + (1 - facts.share) * rates.feedback
        inverse = np.zeros(facts.n)
        np.divide(1.0, chance, out=inverse, where=known & (chance > 0))
        return cls(known=known, inverse=inverse)

    @property
    def rarest(self) -> float:
        """Return the largest of the inverses."""
        return float(self.inverse.max(initial=0.0)) or 1.0


def reward_rows(facts: Facts, seen: Seen, taken: Taken | None) -> Rows:
    """Return rows of quality - cost / value - time, clipped as the router clips it; `taken` None: what was logged."""
    cost = facts.cost_usd if taken is None else _known(taken.cost_usd, facts.cost_usd)
    reward = facts.quality - cost / facts.value_usd - facts.waited
    np.clip(reward, LOW, HIGH, out=reward)
    reward[~seen.known] = 0.0
    return _seen_rows(reward, seen, taken, (LOW, HIGH))


def quality_rows(facts: Facts, seen: Seen, taken: Taken | None) -> Rows:
    """Return rows of quality in [0, 1]."""
    return _seen_rows(np.where(seen.known, facts.quality, 0.0).astype(np.float64), seen, taken, (0.0, 1.0))


def cost_rows(facts: Facts, taken: Taken | None) -> Rows:
    """Return rows of dollars, which are seen of every decision; from 0 to the most that any cost."""
    cost = facts.cost_usd if taken is None else _known(taken.full_cost_usd, facts.cost_usd)
    weight = np.ones(facts.n) if taken is None else taken.weight if taken.full is None else taken.full
    high = max(float(cost.max(initial=0.0)), 1e-12)
    bound = 1.0 if taken is None else taken.bound
    return _rows(cost, weight, (0.0, high), bound)


def subset(rows: Rows, which: NDArray[np.bool_] | slice) -> Rows:
    """Return some of the rows."""
    return replace(
        rows,
        reward=rows.reward[which],
        weight=rows.weight[which],
        residual=rows.residual[which],
        predicted=None if rows.predicted is None else rows.predicted[which],
    )


def with_model(rows: Rows, predicted: Vector, logged: Vector) -> Rows:
    """Return rows with a model's mean under the target (n) and its prediction for what was done (n)."""
    return replace(rows, predicted=predicted, residual=rows.reward - logged)


def _seen_rows(values: Vector, seen: Seen, taken: Taken | None, ends: tuple[float, float]) -> Rows:
    weight = seen.inverse if taken is None else taken.weight * seen.inverse
    return _rows(values, weight, ends, (1.0 if taken is None else taken.bound) * seen.rarest)


def _rows(values: Vector, weight: Vector, ends: tuple[float, float], bound: float) -> Rows:
    return Rows(
        reward=values,
        weight=weight,
        ceiling=max(bound, float(weight.max(initial=0.0)), 1.0),
        low=ends[0],
        high=ends[1],
        predicted=None,
        residual=values,
    )


def _known(given: Vector | None, logged: Vector) -> Vector:
    """Return what a target pays, which is what was logged where nothing else is said."""
    if given is None:
        return logged
    return np.where(np.isnan(given), logged, given)
