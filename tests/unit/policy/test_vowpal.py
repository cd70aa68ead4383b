"""The Vowpal Wabbit workspace refuses what VW swallows in silence, and its estimates are those behind the pmf."""

import json
import math

import numpy as np
import pytest

from bandit_router.errors import CorruptArtifact
from bandit_router.policy.vowpal import MAGIC, Workspace, unwrap, wrap

MODEL = [
    "--cb_explore_adf",
    "--squarecb",
    "--gamma_scale",
    "100",
    "--cb_type",
    "mtr",
    "-b",
    "12",
    "-q",
    "ac",
    "-q",
    "ae",
]
RUN = ["-l", "0.3", "--power_t", "0.4", "--l2", "1e-06"]
SHARED = {"c": [("code", 0.5)], "e": np.array([0.6, -0.8], dtype=np.float32)}
ACTIONS = [{"a": [("m0", 1.0)]}, {"a": [("m1", 1.0)]}, {"a": [("m2", 1.0)]}]


def workspace(artifact: bytes | None = None) -> Workspace:
    return Workspace(model_args=MODEL, run_args=RUN, artifact=artifact)


def taught(events: int) -> Workspace:
    return teach(workspace(), range(events))


def teach(learner: Workspace, events: range) -> Workspace:
    for n in events:
        learner.learn(SHARED, ACTIONS, chosen=n % 3, cost=(n % 3) / 4)
    return learner


def test_a_cold_workspace_is_uniform() -> None:
    probs, costs = workspace().predict(SHARED, ACTIONS)
    assert probs == pytest.approx([1 / 3] * 3)
    assert costs == [0.0] * 3


def test_the_predicted_costs_are_those_that_squarecb_turned_into_the_pmf() -> None:
    events = 200
    probs, costs = taught(events).predict(SHARED, ACTIONS)
    gamma = 100 * math.sqrt(events)
    closed_form = [1 / (3 + gamma * (cost - min(costs))) for cost in costs]
    assert probs[1:] == pytest.approx(closed_form[1:], rel=1e-4)
    assert costs == pytest.approx([0.0, 0.25, 0.5], abs=0.05)


def test_the_probabilities_sum_to_one_in_double_precision() -> None:
    probs, _ = taught(100).predict(SHARED, ACTIONS * 60)
    assert abs(math.fsum(probs) - 1) < 1e-12


@pytest.mark.parametrize("cost", [math.nan, math.inf, -0.1, 1.1])
def test_a_cost_outside_its_range_is_refused(cost: float) -> None:
    with pytest.raises(ValueError, match="cost"):
        workspace().learn(SHARED, ACTIONS, chosen=0, cost=cost)


def test_the_place_of_an_action_in_the_list_does_not_change_what_is_learned() -> None:
    def predicted(chosen: int) -> float:
        learner = workspace()
        for cost in (0.8, 0.2, 0.5):
            learner.learn(SHARED, ACTIONS, chosen=chosen, cost=cost)
        return learner.predict(SHARED, ACTIONS)[1][chosen]

    assert predicted(0) == pytest.approx(predicted(2))


def test_predicting_leaves_the_learned_state_untouched() -> None:
    learner = taught(20)
    before = learner.save()
    learner.predict(SHARED, ACTIONS)
    assert learner.save() == before


def test_run_arguments_hold_after_a_reload() -> None:
    resumed = teach(workspace(taught(50).save()), range(50, 80))
    assert resumed.save() == taught(80).save()


@pytest.mark.parametrize("keep", [0, 5, len(MAGIC), len(MAGIC) + 40, -1])
def test_a_truncated_artifact_is_refused(keep: int) -> None:
    with pytest.raises(CorruptArtifact):
        workspace(taught(5).save()[:keep])


def test_a_flipped_bit_is_refused() -> None:
    artifact = bytearray(taught(5).save())
    artifact[-3] ^= 1
    with pytest.raises(CorruptArtifact, match="checksum"):
        workspace(bytes(artifact))


def test_an_artifact_of_other_arguments_is_refused() -> None:
    with pytest.raises(CorruptArtifact, match="arguments"):
        unwrap(taught(5).save(), ["--other"])


def test_a_sound_checksum_over_what_is_no_vw_model_is_refused() -> None:
    with pytest.raises(CorruptArtifact, match="VW cannot read"):
        workspace(wrap(b"not a model", [*MODEL, *RUN]))


@pytest.mark.parametrize("header", [b"not json", b"[]", json.dumps({"args": []}).encode()])
def test_an_unreadable_header_is_refused(header: bytes) -> None:
    with pytest.raises(CorruptArtifact, match="header"):
        workspace(MAGIC + header + b"\nmodel")
