"""Cascades as sequences: per-decision, trajectory and doubly robust estimates find the truth of a two-step world."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from bandit_router.errors import UnusableLog
from bandit_router.evaluate import estimate
from bandit_router.evaluate.sequential import Steps, doubly_robust, per_decision, trajectories

# Step 0: action 0 ends the episode with QUALITY; action 1 costs COST and goes to step 1, where either ends it.
COST, QUALITY, LAST = 0.1, 0.3, (0.6, 0.9)
LOGGING, TARGET = (0.5, 0.5), (0.2, 0.8)
TRUTH = TARGET[0] * QUALITY + TARGET[1] * (-COST + TARGET[0] * LAST[0] + TARGET[1] * LAST[1])
STILL_TO_COME = ((QUALITY, -COST + TARGET[0] * LAST[0] + TARGET[1] * LAST[1]), LAST)


def log(episodes: int, *, noise: float = 0.1, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    steps: list[tuple[int, int, int]] = []
    rewards: list[float] = []
    for name in range(episodes):
        action = int(rng.random() < LOGGING[1])
        steps.append((name, action, 0))
        rewards.append((-COST if action else QUALITY) + rng.normal(0, noise))
        if action:
            action = int(rng.random() < LOGGING[1])
            steps.append((name, action, 1))
            rewards.append(LAST[action] + rng.normal(0, noise))
    names, actions, depths = np.array(steps).T
    return {
        "episode": names,
        "reward": np.array(rewards),
        "propensity": np.array(LOGGING)[actions],
        "action": actions,
        "target_prob": np.tile(TARGET, (len(names), 1)),
        "q_hat": np.array(STILL_TO_COME)[depths],
    }


LOG = log(4000)


def test_per_decision_weights_find_the_truth() -> None:
    found = per_decision(Steps(**LOG))
    assert found.low <= TRUTH <= found.high
    assert found.n == 4000


def test_normalised_weights_find_the_truth() -> None:
    assert per_decision(Steps(**LOG), normalised=True).value == pytest.approx(TRUTH, abs=0.02)


@pytest.mark.parametrize("name", ["ips", "snips", "cressie_read"])
def test_whole_trajectories_find_the_truth(name: str) -> None:
    whole = trajectories(Steps(**LOG))
    found = estimate(name, **dataclasses.asdict(whole))
    assert found.value == pytest.approx(TRUTH, abs=0.03)


def test_a_right_model_makes_the_doubly_robust_interval_the_narrowest() -> None:
    robust, weighted = doubly_robust(Steps(**LOG)), per_decision(Steps(**LOG))
    assert robust.low <= TRUTH <= robust.high
    assert robust.high - robust.low < 0.5 * (weighted.high - weighted.low)


def test_a_wrong_model_is_put_right() -> None:
    wrong = {**LOG, "q_hat": LOG["q_hat"] + 0.5}
    assert doubly_robust(Steps(**wrong)).value == pytest.approx(TRUTH, abs=0.03)


def test_without_noise_and_with_the_true_model_there_is_no_error_left() -> None:
    assert doubly_robust(Steps(**log(50, noise=0.0))).value == pytest.approx(TRUTH)


def test_one_step_an_episode_is_the_estimator_without_sequences() -> None:
    n = 300
    rng = np.random.default_rng(1)
    flat: dict[str, Any] = {"reward": rng.random(n), "propensity": np.full(n, 0.5), "action": rng.integers(0, 2, n)}
    flat |= {"target_prob": np.tile(TARGET, (n, 1)), "q_hat": rng.random((n, 2))}
    steps = Steps(episode=np.arange(n), **flat)
    assert doubly_robust(steps).value == pytest.approx(estimate("dr", **flat).value)
    assert per_decision(steps).value == pytest.approx(estimate("ips", **flat, clip=np.inf).value)


def test_steps_judged_by_chance_are_weighed_by_it() -> None:
    rng = np.random.default_rng(3)
    big = log(20_000, noise=0.0)
    judged = rng.random(len(big["reward"])) < 0.4
    sampled = {**big, "reward": np.where(judged, big["reward"], np.nan), "observe_prob": np.full(len(judged), 0.4)}
    assert per_decision(Steps(**sampled)).value == pytest.approx(TRUTH, abs=0.03)
    assert estimate("snips", **dataclasses.asdict(trajectories(Steps(**sampled)))).value == pytest.approx(
        TRUTH, abs=0.05
    )


def test_an_episode_in_pieces_is_refused() -> None:
    with pytest.raises(UnusableLog, match="episode: comes in pieces"):
        trajectories(Steps(episode=[0, 1, 0], reward=[0.0] * 3, propensity=[0.5] * 3, target_prob=[0.5] * 3))


def test_a_doubly_robust_estimate_without_a_model_is_refused() -> None:
    with pytest.raises(UnusableLog, match="q_hat"):
        doubly_robust(Steps(episode=[0, 1], reward=[0.0] * 2, propensity=[0.5] * 2, target_prob=[0.5] * 2))
