"""A sound log is let through; one with a fault is refused, and the fault is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bandit_router.evaluate.diagnostics import Window, diagnose
from bandit_router.evaluate.rows import Logged
from bandit_router.evaluate.verdict import Verdict, judge
from simulate.evaluation.worlds import Sample, draw, worlds

_, SOMETIMES, MOSTLY, *_ = worlds()


def sample(rows: int = 5000, seed: int = 0) -> Sample:
    return draw(SOMETIMES, rows, epsilon=0.3, rng=np.random.default_rng(seed))


def examine(log: Sample, *, event_id: Any = None, pmf: Any = None, group: Any = None, **changed: Any) -> Verdict:
    arrays = {
        "reward": log.reward,
        "propensity": log.propensity,
        "target_prob": log.target,
        "action": log.action,
        **changed,
    }
    return judge(diagnose(Window(logged=Logged(**arrays), pmf=pmf, group=group, event_id=event_id)))


def codes(verdict: Verdict) -> set[str]:
    return {finding.code for finding in verdict.findings if finding.fatal}


@pytest.mark.parametrize("seed", range(20))
def test_a_sound_log_is_let_through(seed: int) -> None:
    log = sample(seed=seed)
    verdict = examine(log, pmf=log.pmf, group=np.arange(5000) % 7, event_id=np.arange(5000))
    assert verdict.findings == ()


@pytest.mark.parametrize("seed", range(20))
def test_a_sound_log_is_let_through_without_its_pmfs(seed: int) -> None:
    assert examine(sample(seed=seed)).findings == ()


def test_uniform_propensities_in_the_place_of_the_true_ones_are_caught_by_the_weights() -> None:
    log = sample()
    assert codes(examine(log, propensity=np.full(5000, 0.2))) == {"wrong_propensities"}


def test_uniform_pmfs_in_the_place_of_the_true_ones_are_caught_within_a_group() -> None:
    log = sample()
    context = log.pmf.argmax(axis=1)
    verdict = examine(log, propensity=np.full(5000, 0.2), pmf=np.full((5000, 5), 0.2), group=context)
    assert "wrong_propensities" in codes(verdict)


def test_a_propensity_that_is_not_its_pmf_s_entry_is_caught() -> None:
    log = sample()
    wrong = log.propensity.copy()
    wrong[17] = 0.5
    verdict = examine(log, propensity=wrong, pmf=log.pmf)
    assert codes(verdict) == {"wrong_propensities"}
    assert "1 of 5,000 rows" in verdict.findings[0].message


def greedy_only() -> tuple[Sample, np.ndarray]:
    """Return a log in which one model could never be drawn, and its pmfs."""
    log = sample()
    pmf = log.pmf.copy()
    pmf[:, 2] = 0.0
    pmf /= pmf.sum(axis=1, keepdims=True)
    rng = np.random.default_rng(1)
    action = np.minimum((pmf.cumsum(axis=1) < rng.random(5000)[:, None]).sum(axis=1), 4)
    return Sample(action=action, reward=log.reward, pmf=pmf, target=log.target), pmf


def test_missing_support_is_caught_and_its_size_told() -> None:
    log, pmf = greedy_only()
    verdict = examine(log, pmf=pmf)
    assert "unsupported" in codes(verdict)
    share = log.target[:, 2].mean()
    assert any(f"{share:.1%} of what the target would do" in finding.message for finding in verdict.findings)


def test_missing_support_is_caught_by_the_weights_where_no_pmf_was_logged() -> None:
    log, _ = greedy_only()
    assert codes(examine(log)) == {"weights_off"}


def test_duplicated_events_are_caught_and_counted() -> None:
    log = sample()
    verdict = examine(log, event_id=np.concatenate([np.arange(4990), np.arange(10)]))
    assert codes(verdict) == {"duplicates"}
    assert "10 of 5,000" in verdict.findings[0].message


def test_a_log_without_anything_the_target_would_do_is_refused() -> None:
    log = sample()
    assert "no_overlap" in codes(examine(log, target_prob=np.zeros(5000)))


def test_too_few_effective_rows_are_refused() -> None:
    log = draw(MOSTLY, 20, epsilon=0.3, rng=np.random.default_rng(0))
    assert "few_effective_rows" in codes(examine(log))


def test_one_row_that_carries_much_is_a_caution_only() -> None:
    propensity, target = np.full(2000, 0.5), np.full(2000, 0.5)
    propensity[0] = 0.5 / 280
    logged = Logged(reward=np.ones(2000), propensity=propensity, target_prob=target)
    verdict = judge(diagnose(Window(logged=logged)))
    assert verdict.answers
    assert [finding.code for finding in verdict.findings] == ["heavy_row"]


def test_a_reward_that_drifts_is_told_with_both_means() -> None:
    log = sample()
    drifted = np.clip(log.reward - np.linspace(0, 0.8, 5000), 0, 1)
    verdict = examine(log, reward=drifted)
    assert verdict.answers
    assert [finding.code for finding in verdict.findings] == ["reward_drift"]


def test_a_logging_policy_that_moves_is_a_caution_only() -> None:
    first = np.repeat([0.7, 0.3], 1000)
    pmf = np.stack([first, 1 - first], axis=1)
    action = (np.random.default_rng(0).random(2000) > first).astype(int)
    log = Sample(action=action, reward=np.full(2000, 0.5), pmf=pmf, target=np.full((2000, 2), 0.5))
    verdict = examine(log, pmf=pmf)
    assert verdict.answers
    assert [finding.code for finding in verdict.findings] == ["action_drift"]


def test_the_numbers_are_those_of_the_weights() -> None:
    log = sample()
    weight = log.target_prob / log.propensity
    logged = Logged(reward=log.reward, propensity=log.propensity, target_prob=log.target_prob)
    found = diagnose(Window(logged=logged))
    assert found.ess == pytest.approx(weight.sum() ** 2 / (weight**2).sum())
    assert found.overlap == pytest.approx(np.minimum(weight, 1).mean())
    assert found.matched == (weight > 0).mean()
    assert found.heaviest == weight.max()
    assert found.unsupported is None
