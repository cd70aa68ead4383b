"""What a serving process knows of experiments: what the database says, without a gap while it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bandit_router.experiment.assign import Subject
from bandit_router.policy.copies import copies
from bandit_router.policy.load import build, learning_names
from bandit_router.policy.spec import KINDS, Spec
from bandit_router.reward.utility import reward
from bandit_router.trials import Trials
from tests.factories import START
from tests.unit.experiment.history import Remembered, make_spec, start

POLICIES: dict[str, Spec] = {
    "a": KINDS["fixed_cascade"](name="a", kind="fixed_cascade"),  # type: ignore[arg-type]
    "b": KINDS["vw_cb"](name="b", kind="vw_cb"),  # type: ignore[arg-type]
    "mix": KINDS["mixture"](name="mix", kind="mixture", components=[{"policy": "a"}, {"policy": "b"}]),  # type: ignore[arg-type]
}
SUBJECT = Subject(request="r")


def trials(*events: Any) -> Trials:
    made = Trials(Remembered(list(events)), POLICIES)
    made.refresh()
    return made


def stop(event: Any) -> Any:
    return replace(event, number=2, kind="stopped", share=0.0, spec=None)


def test_a_started_experiment_places_requests() -> None:
    assert trials(start()).place(SUBJECT, now=START) is not None


def test_nothing_is_placed_where_nothing_runs() -> None:
    assert trials().place(SUBJECT, now=START) is None


def test_what_happens_elsewhere_is_taken_up() -> None:
    history = Remembered()
    made = Trials(history, POLICIES)
    made.refresh()
    history.append(start())
    assert (made.refresh(), made.refresh()) == (True, False)
    assert made.place(SUBJECT, now=START) is not None


def test_an_experiment_whose_policy_is_not_there_does_not_run() -> None:
    arms = [{"name": "x", "policy": "gone", "control": True}, {"name": "y", "policy": "a"}]
    assert trials(start(make_spec(arms=arms))).place(SUBJECT, now=START) is None


def test_a_start_that_cannot_be_read_is_left_out() -> None:
    assert trials(replace(start(), spec={"from": "the future"})).found == {}


def test_a_database_that_is_down_leaves_experiments_as_they_are() -> None:
    history = Remembered([start()])
    made = Trials(history, POLICIES)
    made.refresh()
    history.down = True
    assert not made.refresh()
    assert made.place(SUBJECT, now=START) is not None


def test_the_arms_policies_are_there_before_a_request_is_placed() -> None:
    made = Trials(Remembered([start()]), POLICIES)
    placed = []
    made.changed = lambda specs: placed.append(("trial.new" in specs, made.place(SUBJECT, now=START)))
    made.refresh()
    assert placed == [(True, None)]


def test_an_arm_that_just_ended_is_still_served() -> None:
    history = Remembered([start()])
    made = Trials(history, POLICIES)
    made.refresh()
    history.append(stop(start()))
    made.refresh()
    assert made.place(SUBJECT, now=START) is None
    assert "trial.new" in made.specs


def test_policies_that_could_not_be_swapped_are_tried_again() -> None:
    made, tried = Trials(Remembered([start()]), POLICIES), []

    def fails_once(specs: Mapping[str, Spec]) -> None:
        tried.append(specs)
        if len(tried) == 1:
            raise RuntimeError("out of memory")

    made.changed = fails_once
    with pytest.raises(RuntimeError):
        made.refresh()
    assert "trial.new" not in made.specs
    assert made.refresh()


def test_a_copy_learns_from_its_own_requests_alone() -> None:
    found = copies(POLICIES, "b", "trial.new")
    assert list(found) == ["trial.new"]
    assert found["trial.new"].learn_from == "own"  # type: ignore[union-attr]


def test_a_copy_of_a_mixture_has_copies_of_its_members() -> None:
    found = POLICIES | copies(POLICIES, "mix", "trial.new")
    assert learning_names(found) == ("b", "trial.new.b")
    built = build(found, {}, reward=reward)
    assert built["trial.new"].name == "trial.new"
