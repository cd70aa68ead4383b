"""Draws that follow what the logged probabilities do not are found, and chance alone is not taken for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bandit_router.errors import UnusableLog
from bandit_router.evaluate.diagnostics import Window, diagnose
from bandit_router.evaluate.leaning import Leaning, by_features
from bandit_router.evaluate.rows import Logged
from bandit_router.evaluate.verdict import REFUSE_P, judge


def log(rows: int, seed: int, *, epsilon: float = 0.3) -> tuple[Any, Any, Any]:
    """A pmf (n, 2) that follows a first of four features, what was drawn, and the features, of long tails."""
    rng = np.random.default_rng(seed)
    features = np.exp(2 * rng.normal(size=(rows, 4)))
    high = np.where(features[:, 0] > 1, 1 - epsilon / 2, epsilon / 2)
    pmf = np.stack([1 - high, high], axis=1)
    return pmf, (rng.random(rows) < high).astype(int), features


def lean(pmf: Any, action: Any, features: Any) -> Leaning:
    found = by_features(pmf, action, features, ["length", "b", "c", "d"])
    assert found is not None
    return found


def test_uniform_pmfs_in_the_place_of_those_that_follow_a_feature_are_found_and_the_feature_is_named() -> None:
    pmf, action, features = log(400, 0)
    found = lean(np.full_like(pmf, 0.5), action, features)
    assert found.p_value < REFUSE_P
    assert found.feature == "length"
    assert (found.action == "1") == (found.z > 0)


def test_chance_alone_is_never_taken_for_it() -> None:
    worst = [lean(*log(rows, seed, epsilon=epsilon)).p_value for rows, epsilon in _SIZES for seed in range(100)]
    assert np.mean(np.array(worst) < 0.05) <= 0.05
    assert min(worst) > REFUSE_P


_SIZES = ((50, 0.01), (50, 0.5), (1000, 0.01), (1000, 0.5))


def test_one_row_far_out_is_no_proof() -> None:
    pmf = np.full((2000, 2), [0.999, 0.001])
    features, action = np.zeros((2000, 4)), np.zeros(2000, dtype=int)
    features[7, 0], action[7] = 1e6, 1
    assert lean(pmf, action, features).p_value > REFUSE_P


def test_a_feature_far_from_zero_is_told_by_how_it_varies() -> None:
    pmf, action, features = log(400, 1)
    assert lean(np.full_like(pmf, 0.5), action, (features[:, :1] > 1) + [[100.0, 1, 2, 3]]).p_value < REFUSE_P


def test_an_action_that_is_drawn_too_often_everywhere_leans_on_nothing() -> None:
    features = np.random.default_rng(0).normal(5, 1, (2000, 4))
    action = (np.random.default_rng(1).random(2000) < 0.7).astype(int)
    assert lean(np.full((2000, 2), 0.5), action, features).p_value > REFUSE_P


def test_features_that_never_vary_tell_nothing() -> None:
    pmf, action, features = log(100, 0)
    assert by_features(pmf, action, np.ones_like(features), ["a", "b", "c", "d"]) is None


def diagnosed(pmf: Any, action: Any, **features: Any) -> Any:
    rows = np.arange(len(pmf))
    logged = Logged(reward=np.ones(len(pmf)), propensity=pmf[rows, action], target_prob=pmf, action=action)
    return diagnose(Window(logged=logged, pmf=pmf, features=features))


def test_a_log_whose_draws_lean_is_refused_in_words() -> None:
    pmf, action, features = log(400, 0)
    verdict = judge(diagnosed(np.full_like(pmf, 0.5), action, length=features[:, 0]))
    assert not verdict.answers
    assert "the higher length, the" in verdict.findings[0].message


def test_a_sound_log_with_features_is_let_through() -> None:
    pmf, action, features = log(400, 0)
    assert judge(diagnosed(pmf, action, length=features[:, 0])).answers


def test_a_feature_that_is_no_number_is_named() -> None:
    pmf, action, features = log(400, 0)
    features[3, 0] = np.nan
    with pytest.raises(UnusableLog, match="length"):
        diagnosed(pmf, action, length=features[:, 0])
