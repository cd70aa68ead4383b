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
    rise: Vector = field(init=False)
    """`good` less `bad`."""

    def __post_init__(self) -> None:
        """Derive what is asked for again and again."""
        object.__setattr__(self, "ends", np.stack((self.bad, self.good)))
        object.__setattr__(self, "rise", self.good - self.bad)

    def mixture(self, p: Vector) -> Vector:
        """Return the share of `good` in the verdicts that answers with P(good) = p get."""
        return np.asarray(np.interp(p, GRID, self.mixtures)) if self.trust < 1 else p

    def held(self, p: Vector) -> Vector:
        """Return P(good | step) for answers with P(good) = p (...): (steps, ...)."""
        held = np.multiply.outer(self.odds, (p / (1 - p)) ** self.trust)
        held /= 1 + held
        return np.asarray(held)

    def seen(self, mixture: Vector) -> Vector:
        """Return P(step) for answers in whose verdicts `good` has these shares (...): (steps, ...)."""
        seen = np.multiply.outer(self.rise, mixture)
        seen += self.bad.reshape(-1, *[1] * mixture.ndim)
        return np.asarray(seen)

    def expected(self, p: Vector, kept: Vector, with_good: Vector) -> Vector:
        """Return E[the better of two answers], one with P(good) = p (m, n) whose verdict is to come, the other held.

        The other's P(good) is `kept` (n) as it is; `with_good` (m, n) is E[that x the share of `good` in the verdicts
        to come]: the verdict says something of it as well.
        """
        held = self.held(p)
        bad, good = (self.ends @ held.reshape(len(self.odds), -1)).reshape(2, *p.shape)
        mixture = np.minimum(np.maximum((p - bad) / (good - bad), 0.0), 1.0)
        held *= self.seen(mixture)
        other = np.multiply.outer(self.rise, with_good)
        other += np.multiply.outer(self.bad, kept)[:, None]
        return np.asarray(np.maximum(held, other, out=other).sum(axis=0))
