"""How many logged rows a second each estimator takes; it prints nothing and asserts nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from bandit_router.evaluate import ESTIMATORS, estimate

_MODEL = ("dm", "dr", "sndr", "switch_dr", "dros")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Seconds for value and interval together, checks of the arrays included: the best of a few."""

    estimator: str
    seconds: float
    rows: int


def speeds(*, rows: int = 1_000_000, models: int = 5, repeats: int = 5, seed: int = 0) -> list[Speed]:
    """Time every estimator on random rows."""
    rng = np.random.default_rng(seed)
    pmf = 0.9 * rng.dirichlet(np.full(models, 2.0), rows) + 0.1 / models
    target = rng.dirichlet(np.ones(models), rows)
    action = np.minimum((pmf.cumsum(axis=1) < rng.random(rows)[:, None]).sum(axis=1), models - 1)
    reward = (rng.random(rows) < 0.5).astype(np.float64)
    row = np.arange(rows)
    propensity, plain = pmf[row, action], {"target_prob": target[row, action]}
    with_model = {"target_prob": target, "action": action, "q_hat": rng.random((rows, models))}
    found = []
    for name in ESTIMATORS:
        arrays = with_model if name in _MODEL else plain
        seconds = []
        for _ in range(repeats):
            started = time.perf_counter()
            estimate(name, reward=reward, propensity=propensity, **arrays)
            seconds.append(time.perf_counter() - started)
        found.append(Speed(estimator=name, seconds=min(seconds), rows=rows))
    return found
