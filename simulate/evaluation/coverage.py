"""How often an interval holds the truth, and how wide it is; it prints nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bandit_router.evaluate import estimate
from simulate.evaluation.worlds import World, draw


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The share of repetitions whose interval held the truth, and the intervals' mean width."""

    estimator: str
    share: float
    width: float


def coverage(
    world: World, estimators: Sequence[str], *, rows: int, epsilon: float, repetitions: int, seed: int
) -> list[Coverage]:
    """Log the same world again and again and count; every estimator sees the same rows."""
    rng = np.random.default_rng([seed, rows, round(epsilon * 100)])
    held: dict[str, list[tuple[bool, float]]] = {name: [] for name in estimators}
    for _ in range(repetitions):
        sample = draw(world, rows, epsilon=epsilon, rng=rng)
        for name in estimators:
            found = estimate(
                name,
                reward=sample.reward,
                propensity=sample.propensity,
                target_prob=sample.target_prob,
                reward_range=(0.0, 1.0),
            )
            held[name].append((found.low <= world.truth <= found.high, found.high - found.low))
    return [
        Coverage(
            estimator=name, share=float(np.mean([h for h, _ in pairs])), width=float(np.mean([w for _, w in pairs]))
        )
        for name, pairs in held.items()
    ]
