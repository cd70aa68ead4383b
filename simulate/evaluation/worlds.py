"""Small worlds logged by epsilon-greedy, with the truth about a target policy; nothing here estimates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Mean reward by context and model, what logging prefers, what the target takes, and the rewards' spread.

    A spread of None means rewards of 0 and 1; otherwise they are uniform within the spread around their mean.
    """

    name: str
    means: NDArray[np.float64]
    greedy: NDArray[np.intp]
    target: NDArray[np.intp]
    spread: float | None

    @property
    def truth(self) -> float:
        """Return the target's value, contexts being equally likely."""
        return float(self.means[np.arange(len(self.means)), self.target].mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was logged, (n,) and (n, k)."""

    action: NDArray[np.intp]
    reward: Vector
    pmf: NDArray[np.float64]
    target: NDArray[np.float64]

    @property
    def propensity(self) -> Vector:
        """Return the logged probability of what was done."""
        chosen: Vector = self.pmf[np.arange(len(self.action)), self.action]
        return chosen

    @property
    def target_prob(self) -> Vector:
        """Return the target's probability of what was done."""
        chosen: Vector = self.target[np.arange(len(self.action)), self.action]
        return chosen


def worlds(contexts: int = 50, models: int = 5, seed: int = 5) -> tuple[World, ...]:
    """Return worlds in which the target never, now and then, or mostly does what logging prefers.

    In the last two, what it does elsewhere earns nearly all, or nearly nothing: few rows hardly tell that from all.
    """
    rng = np.random.default_rng(seed)
    means = rng.uniform(0.1, 0.9, (contexts, models))
    greedy = rng.integers(0, models, contexts)
    other = (greedy + 1) % models

    def world(name: str, agree: float, spread: float | None, end: float | None = None) -> World:
        target = np.where(np.arange(contexts) < agree * contexts, greedy, other)
        earned = means.copy()
        if end is not None:
            elsewhere = np.flatnonzero(target != greedy)
            earned[elsewhere, target[elsewhere]] = end
        return World(name=name, means=earned, greedy=greedy, target=target, spread=spread)

    return (
        world("0/1, never agrees", 0.0, None),
        world("0/1, agrees in 60 %", 0.6, None),
        world("0/1, agrees in 80 %", 0.8, None),
        world("graded, agrees in 60 %", 0.6, 0.1),
        world("0/1, agrees in 60 %, else .98", 0.6, None, 0.98),
        world("graded, agrees in 60 %, else .02", 0.6, 0.02, 0.02),
    )


def draw(world: World, rows: int, *, epsilon: float, rng: np.random.Generator) -> Sample:
    """Return rows logged by epsilon-greedy."""
    contexts, models = world.means.shape
    context, row = rng.integers(0, contexts, rows), np.arange(rows)
    pmf = np.full((rows, models), epsilon / models)
    pmf[row, world.greedy[context]] += 1 - epsilon
    target = np.zeros((rows, models))
    target[row, world.target[context]] = 1.0
    # The last model takes what rounding leaves.
    action = np.minimum((pmf.cumsum(axis=1) < rng.random(rows)[:, None]).sum(axis=1), models - 1)
    mean = world.means[context, action]
    if world.spread is None:
        reward = (rng.random(rows) < mean).astype(np.float64)
    else:
        reward = mean + rng.uniform(-world.spread, world.spread, rows)
    return Sample(action=action, reward=reward, pmf=pmf, target=target)
