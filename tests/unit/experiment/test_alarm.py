"""The bound that rolls back: crossed by chance as seldom as it says, crossed soon by what is broken."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from bandit_router.experiment.alarm import at_least, multiplier
from bandit_router.experiment.sequence import Mean
from simulate.experiments.limits import one_look, sequential

HORIZON = 400


def walks(drift: float, *, steps: int, runs: int = 2000) -> NDArray[np.float64]:
    """Return walks in standard errors, each looked at every ten steps."""
    rng = np.random.default_rng(0)
    at = np.arange(10, steps + 1, 10)
    return np.cumsum(rng.normal(drift, 1, (runs, steps)), axis=1)[:, at - 1] / np.sqrt(at)


def crossed(z: NDArray[np.float64], alpha: float) -> float:
    bound = [multiplier(10 * (look + 1), alpha=alpha, horizon=HORIZON) for look in range(z.shape[1])]
    return float((z > bound).any(axis=1).mean())


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_a_walk_without_drift_crosses_seldom_however_long_it_goes_on(alpha: float) -> None:
    assert crossed(walks(0.0, steps=10 * HORIZON), alpha) <= alpha


def test_a_drift_of_three_standard_errors_at_the_horizon_is_nearly_always_seen_by_then() -> None:
    drift = 3 / math.sqrt(HORIZON)
    assert crossed(walks(drift, steps=HORIZON), 0.1) > 0.9


def test_a_small_drift_is_seen_in_the_end() -> None:
    drift = 1.5 / math.sqrt(HORIZON)
    assert crossed(walks(drift, steps=20 * HORIZON), 0.1) > 0.9


def test_nothing_seen_bounds_nothing() -> None:
    assert at_least(Mean(value=0.3, error=math.inf, n=1), alpha=0.1, horizon=100) == -math.inf


def test_the_bound_is_so_many_standard_errors_below() -> None:
    found = at_least(Mean(value=0.3, error=0.1, n=100), alpha=0.1, horizon=100)
    assert found == pytest.approx(0.3 - 0.1 * multiplier(100, alpha=0.1, horizon=100))


def test_one_look_that_knows_both_rates_beats_looking_again_and_again() -> None:
    assert 0.95 > one_look(0.05, 0.1, requests=300) > sequential(0.05, 0.1, requests=300, runs=4000) > 0.5
