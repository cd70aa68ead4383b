"""Cross-fitted reward models predict rows they have not seen, the same by the same seed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression  # type: ignore[import-untyped]

from bandit_router.errors import MissingExtra, UnusableLog
from bandit_router.evaluate.reward_model import cross_fit

RNG = np.random.default_rng(0)
CONTEXT = RNG.random((600, 2))
ACTION = RNG.integers(0, 3, 600)
REWARD = np.where(ACTION == 1, 0.8, 0.2) + 0.1 * CONTEXT[:, 0]


def test_the_better_action_is_predicted_better() -> None:
    q_hat = cross_fit(CONTEXT, ACTION, REWARD, actions=3, seed=1)
    assert q_hat.shape == (600, 3)
    assert q_hat.mean(axis=0) == pytest.approx([0.25, 0.85, 0.25], abs=0.02)


def test_the_same_seed_predicts_the_same() -> None:
    first, second = (cross_fit(CONTEXT, ACTION, REWARD, actions=3, seed=7) for _ in range(2))
    assert (first == second).all()


def test_a_row_s_own_reward_does_not_reach_its_prediction() -> None:
    moved = REWARD.copy()
    moved[0] = 0.0
    before = cross_fit(CONTEXT, ACTION, REWARD, actions=3, seed=1, model=lambda _: LinearRegression())
    after = cross_fit(CONTEXT, ACTION, moved, actions=3, seed=1, model=lambda _: LinearRegression())
    assert (before[0] == after[0]).all()
    assert not np.allclose(before, after)


def test_rows_nobody_judged_are_predicted_but_not_learned_from() -> None:
    reward = np.where(np.arange(600) % 2, REWARD, np.nan)
    q_hat = cross_fit(CONTEXT, ACTION, reward, actions=3, seed=1)
    assert np.isfinite(q_hat).all()


def test_of_a_classifier_the_probability_is_taken() -> None:
    reward = (REWARD > 0.5).astype(float)
    q_hat = cross_fit(CONTEXT, ACTION, reward, actions=3, seed=1, model=lambda _: LogisticRegression())
    assert 0.0 < q_hat.min() < q_hat.max() < 1.0


def test_rewards_that_are_all_alike_are_predicted_so() -> None:
    q_hat = cross_fit(CONTEXT, ACTION, np.ones(600), actions=3, seed=1, model=lambda _: LogisticRegression())
    assert (q_hat == 1.0).all()


def test_more_folds_than_rows_are_refused() -> None:
    with pytest.raises(UnusableLog, match="folds"):
        cross_fit(CONTEXT[:2], ACTION[:2], REWARD[:2], actions=3, seed=1)


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(MissingExtra, match="evaluate"):
        cross_fit(CONTEXT, ACTION, REWARD, actions=3, seed=1)
