"""The estimators' values are those of their formulae, and SLOPE and the intervals do what their papers say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bandit_router.evaluate import Estimate, estimate
from bandit_router.evaluate.slope import Moments, slope

RNG = np.random.default_rng(2)
N, K = 400, 4
ROW = np.arange(N)
PMF = 0.9 * RNG.dirichlet(np.ones(K), N) + 0.025
TARGET = RNG.dirichlet(np.ones(K), N)
ACTION = np.array([RNG.choice(K, p=p) for p in PMF])
REWARD = RNG.random(N)
Q_HAT = RNG.random((N, K))
PROPENSITY = PMF[ROW, ACTION]
W = TARGET[ROW, ACTION] / PROPENSITY
MODEL = (TARGET * Q_HAT).sum(axis=1)
RESIDUAL = REWARD - Q_HAT[ROW, ACTION]


def run(name: str, **hyper: Any) -> Estimate:
    return estimate(name, reward=REWARD, propensity=PROPENSITY, target_prob=TARGET, action=ACTION, q_hat=Q_HAT, **hyper)


@pytest.mark.parametrize(
    ("name", "hyper", "value"),
    [
        ("ips", {"clip": math.inf}, (W * REWARD).mean()),
        ("ips", {"clip": 2.0}, (np.minimum(W, 2) * REWARD).mean()),
        ("snips", {}, (W * REWARD).sum() / W.sum()),
        ("dm", {}, MODEL.mean()),
        ("dr", {}, (MODEL + W * RESIDUAL).mean()),
        ("sndr", {}, MODEL.mean() + (W * RESIDUAL).sum() / W.sum()),
        ("switch_dr", {"tau": 2.0}, (MODEL + np.where(W <= 2, W, 0) * RESIDUAL).mean()),
        ("switch_dr", {"tau": math.inf}, (MODEL + W * RESIDUAL).mean()),
        ("dros", {"lambda_": 5.0}, (MODEL + 5 * W / (W**2 + 5) * RESIDUAL).mean()),
        ("dros", {"lambda_": math.inf}, (MODEL + W * RESIDUAL).mean()),
    ],
)
def test_the_value_is_that_of_the_formula(name: str, hyper: dict[str, float], value: float) -> None:
    assert run(name, **hyper).value == pytest.approx(value)


def test_the_target_s_probability_of_what_was_logged_is_enough_without_a_model() -> None:
    plain = estimate("snips", reward=REWARD, propensity=PROPENSITY, target_prob=TARGET[ROW, ACTION])
    assert plain == run("snips")


def test_the_effective_sample_size_is_that_of_the_weights() -> None:
    assert run("ips").ess == pytest.approx(W.sum() ** 2 / (W**2).sum())


def test_the_hyper_parameter_in_use_is_told() -> None:
    assert run("switch_dr", tau=3.0).chosen == 3.0


def test_a_clip_leaves_the_interval_of_the_unbiased_scores() -> None:
    clipped, whole = run("ips", clip=0.5), run("ips", clip=math.inf)
    assert clipped.high == whole.high
    assert clipped.low == min(whole.low, clipped.value)


def test_slope_stops_before_an_estimate_that_a_wider_one_contradicts() -> None:
    wide, near, far = (
        Moments(total=t * 100, square=t * t * 100 + s, n=100) for t, s in ((0.5, 900), (0.6, 100), (9, 1))
    )
    assert slope([wide, near, far]) == 1


def test_slope_takes_the_narrowest_of_estimates_that_agree() -> None:
    wide, narrow = (Moments(total=50.0, square=25 + spread, n=100) for spread in (900.0, 1.0))
    assert slope([wide, narrow]) == 1


def test_slope_keeps_a_clip_that_costs_nothing_and_drops_one_that_distorts() -> None:
    weight = np.where(np.arange(2000) % 20 == 0, 20.0, 0.0)
    logged: dict[str, Any] = {"reward": np.ones(2000), "propensity": np.full(2000, 0.05), "target_prob": weight / 20}
    assert estimate("ips", **logged).chosen != 10.0


def test_an_interval_without_any_failure_does_not_claim_there_are_none() -> None:
    found = estimate("cressie_read", reward=np.ones(5), propensity=np.ones(5), target_prob=np.ones(5))
    assert found.value == 1.0
    assert found.low < 0.8


def test_a_log_without_anything_the_target_would_do_says_nothing() -> None:
    found = estimate("cressie_read", reward=np.ones(50), propensity=np.full(50, 0.5), target_prob=np.zeros(50))
    assert (found.low, found.high, found.ess) == (0.0, 1.0, 0.0)
