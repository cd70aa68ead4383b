"""Says what verdicts may come of an answer and what they would mean; it learns nothing and knows no judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.space import Vector

GRID: Final[Vector] = np.linspace(0.005, 0.995, 100)
"""P(good) at which mixtures of verdicts are tabled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What verdicts may come, in a few steps from worst to best: P(step | good), P(step | bad), and what they say.

    The odds of an answer with a verdict are `odds` x (its odds without) ** `trust`. With trust 1 that is Bayes' rule
    for answers good or bad; where quality is a matter of degree a verdict replaces more of what was predicted.
    """

    good: Vector
    bad: Vector
    odds: Vector
    trust: float
    mixtures: Vector
    """By P(good) on GRID: the share of `good` in the mixture of verdicts with which verdicts are right on average."""
    ends: NDArray[np.float64] = field(init=False)
    """`bad` and `good` as one matrix (2, steps)."""
    lines: NDArray[np.float64] = field(init=False)
    """By step (steps, 2): what x 1 and what x the share of `good` in the verdicts make P(step)."""
    against: Vector = field(init=False)
    """1 / `odds`."""

    def __post_init__(self) -> None:
        """Derive what is asked for again and again."""
        object.__setattr__(self, "ends", np.stack((self.bad, self.good)))
        object.__setattr__(self, "lines", np.stack((self.bad, self.good - self.bad), axis=1))
        object.__setattr__(self, "against", 1 / self.odds)

    def mixture(self, p: Vector) -> Vector:
        """Return the share of `good` in the verdicts that answers with P(good) = p get."""
        return np.interp(p, GRID, self.mixtures) if self.trust < 1 else p

    def held(self, p: Vector) -> Vector:
        """Return P(good | step) for answers with P(good) = p (...): (steps, ...)."""
        odds = (p / (1.0 - p)) ** self.trust
        held = np.add.outer(self.against, odds)
        return np.divide(odds, held, out=held)

    def seen(self, mixture: Vector) -> Vector:
        """Return P(step) for answers in whose verdicts `good` has these shares (n): (steps, n)."""
        return np.asarray(self.lines.dot(with_one(mixture)))

    def expected(self, p: Vector, other: NDArray[np.float64]) -> Vector:
        """Return E[the better of two answers], one with P(good) = p (n) whose verdict is to come, the other held.

        `other` (2, n) is P(good) of the one held, and E[that x the share of `good` in the verdicts to come]: the
        verdict says something of it as well.
        """
        held = self.held(p)
        bad, good = self.ends.dot(held)
        held *= self.seen(np.minimum(np.maximum((p - bad) / (good - bad), 0.0), 1.0))
        return np.asarray(np.maximum(held, self.lines.dot(other), out=held).sum(axis=0))


def with_one(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (2, ...): ones, and x."""
    both = np.empty((2, *x.shape))
    both[0], both[1] = 1.0, x
    return both
