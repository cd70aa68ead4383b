"""The default interval holds the truth as often as it says, and is narrower than clipped IPS."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bandit_router.evaluate import estimate
from simulate.evaluation.coverage import coverage
from simulate.evaluation.worlds import worlds

NEVER, _, MOSTLY, *_ = worlds()


@pytest.mark.parametrize("epsilon", [0.1, 0.3])
@pytest.mark.parametrize("rows", [200, 1000])
def test_the_truth_is_covered_as_often_as_nominal(rows: int, epsilon: float) -> None:
    default, clipped = coverage(NEVER, ["cressie_read", "ips"], rows=rows, epsilon=epsilon, repetitions=200, seed=4)
    # Of 200 repetitions at .95, fewer than 181 happen once in a thousand times.
    assert 0.905 <= default.share <= 0.995
    assert default.width < clipped.width


def test_a_target_close_to_the_logging_policy_is_covered_from_few_rows() -> None:
    (default,) = coverage(MOSTLY, ["cressie_read"], rows=200, epsilon=0.1, repetitions=200, seed=4)
    assert default.share >= 0.95
    assert default.width < 0.3


def test_one_weight_gives_the_likelihood_interval_of_the_binomial() -> None:
    successes, failures = 30, 70
    reward = np.repeat([1.0, 0.0], [successes, failures])
    found = estimate("cressie_read", reward=reward, propensity=np.ones(100), target_prob=np.ones(100))
    s, f = successes + 0.5, failures + 0.5
    best = s * math.log(s / (s + f)) + f * math.log(f / (s + f))
    for end in (found.low, found.high):
        assert best - s * math.log(end) - f * math.log(1 - end) == pytest.approx(1.9207, abs=2e-3)


def test_what_is_left_of_the_weights_is_known_so_that_more_rows_idle_do_not_move_the_value() -> None:
    propensity, target = np.full(1000, 0.1), (np.arange(1000) < 100).astype(float)
    found = estimate("cressie_read", reward=np.full(1000, 0.7), propensity=propensity, target_prob=target)
    assert found.value == pytest.approx(0.7)


def test_a_narrower_reward_range_gives_a_narrower_interval() -> None:
    logged: dict[str, Any] = {
        "reward": np.tile([0.4, 0.6], 20),
        "propensity": np.full(40, 0.5),
        "target_prob": np.tile([1.0, 1.0, 0.0, 0.0], 10),
    }
    tight, loose = (estimate("cressie_read", **logged, reward_range=r) for r in ((0.3, 0.7), (-1.0, 1.0)))
    assert tight.high - tight.low < loose.high - loose.low


def test_weights_of_thousands_are_borne() -> None:
    rng = np.random.default_rng(0)
    propensity = rng.choice([0.9, 1e-5], 5000)
    found = estimate("cressie_read", reward=rng.random(5000), propensity=propensity, target_prob=np.full(5000, 0.5))
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0


@pytest.mark.parametrize("weight", [1.0, 1.0 + 1e-9, 1.5])
def test_the_policy_that_logged_has_the_interval_of_a_mean(weight: float) -> None:
    reward = np.random.default_rng(0).uniform(0, 1, 400)
    rows = {"reward": reward, "propensity": np.full(400, 0.5), "target_prob": np.full(400, weight / 2)}
    found = estimate("cressie_read", **rows, max_weight=40.0)
    half = 1.96 * reward.std() / 20
    assert found.value == pytest.approx(reward.mean(), abs=1e-3)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.05)
