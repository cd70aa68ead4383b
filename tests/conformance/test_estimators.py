"""Every estimator through one suite: what holds of all of them, whatever they do inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bandit_router.evaluate import ESTIMATORS, Estimate, estimate
from simulate.evaluation.worlds import Sample, World, draw, worlds

NEVER, _, MOSTLY, GRADED, *_ = worlds()


def evaluate(name: str, sample: Sample, world: World, **hyper: Any) -> Estimate:
    """Estimate with a reward model that is a tenth too high everywhere."""
    q_hat = np.broadcast_to(world.means.mean(axis=0) + 0.1, sample.pmf.shape)
    return estimate(
        name,
        reward=sample.reward,
        propensity=sample.propensity,
        target_prob=sample.target,
        action=sample.action,
        q_hat=q_hat,
        **hyper,
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_value_lies_in_its_interval(name: str, rng: np.random.Generator) -> None:
    for rows in (1, 2, 10, 300):
        found = evaluate(name, draw(NEVER, rows, epsilon=0.3, rng=rng), NEVER)
        assert found.low <= min(max(found.value, 0.0), 1.0) <= found.high


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_same_rows_give_the_same_estimate(name: str, rng: np.random.Generator) -> None:
    sample = draw(MOSTLY, 500, epsilon=0.1, rng=rng)
    assert evaluate(name, sample, MOSTLY) == evaluate(name, sample, MOSTLY)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_order_of_the_rows_does_not_matter(name: str, rng: np.random.Generator) -> None:
    sample = draw(MOSTLY, 500, epsilon=0.1, rng=rng)
    turned = Sample(
        action=sample.action[::-1], reward=sample.reward[::-1], pmf=sample.pmf[::-1], target=sample.target[::-1]
    )
    first, second = evaluate(name, sample, MOSTLY), evaluate(name, turned, MOSTLY)
    assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high), abs=1e-6)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "dm"])
def test_many_rows_lead_to_the_truth_though_the_model_is_wrong(name: str, rng: np.random.Generator) -> None:
    found = evaluate(name, draw(GRADED, 100_000, epsilon=0.3, rng=rng), GRADED)
    assert found.value == pytest.approx(GRADED.truth, abs=0.02)
    assert found.high - found.low < 0.05


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_target_that_is_the_logging_policy_earns_what_was_logged(name: str, rng: np.random.Generator) -> None:
    sample = draw(MOSTLY, 2000, epsilon=0.3, rng=rng)
    model = np.full(sample.pmf.shape, sample.reward.mean())
    found = estimate(
        name,
        reward=sample.reward,
        propensity=sample.propensity,
        target_prob=sample.pmf,
        action=sample.action,
        q_hat=model,
    )
    assert found.value == pytest.approx(sample.reward.mean())
    assert found.ess == pytest.approx(2000)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_smaller_alpha_gives_an_interval_no_narrower(name: str, rng: np.random.Generator) -> None:
    sample = draw(MOSTLY, 500, epsilon=0.1, rng=rng)
    wide, narrow = evaluate(name, sample, MOSTLY, alpha=0.01), evaluate(name, sample, MOSTLY, alpha=0.2)
    assert wide.low <= narrow.low
    assert wide.high >= narrow.high


@pytest.mark.parametrize("name", ESTIMATORS)
def test_rewards_of_another_scale_move_the_estimate_with_them(name: str, rng: np.random.Generator) -> None:
    sample = draw(MOSTLY, 500, epsilon=0.3, rng=rng)
    model = np.broadcast_to(MOSTLY.means.mean(axis=0), sample.pmf.shape)

    def scaled(by: float) -> Estimate:
        return estimate(
            name,
            reward=sample.reward * by,
            propensity=sample.propensity,
            target_prob=sample.target,
            action=sample.action,
            q_hat=model * by,
            reward_range=(0.0, by),
        )

    one, ten = scaled(1.0), scaled(10.0)
    assert (ten.value, ten.low, ten.high) == pytest.approx((10 * one.value, 10 * one.low, 10 * one.high), abs=1e-4)


@pytest.mark.parametrize("name", ["ips", "snips", "dr", "sndr", "switch_dr", "dros", "cressie_read"])
def test_rewards_that_were_sampled_lead_to_the_truth(name: str, rng: np.random.Generator) -> None:
    sample = draw(GRADED, 100_000, epsilon=0.3, rng=rng)
    # Good answers are judged more often, so that the mean of what was judged is too high.
    chance = np.where(sample.reward > 0.5, 0.6, 0.2)
    reward = np.where(rng.random(100_000) < chance, sample.reward, np.nan)
    judged = Sample(action=sample.action, reward=reward, pmf=sample.pmf, target=sample.target)
    found = evaluate(name, judged, GRADED, observe_prob=chance)
    assert found.value == pytest.approx(GRADED.truth, abs=0.03)
