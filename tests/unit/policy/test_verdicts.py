"""What a verdict is worth: itself, until feedback shows otherwise."""

from dataclasses import replace

import pytest

from bandit_router.policy.verdicts import Verdicts
from bandit_router.types import Event
from tests.unit.policy.factories import event, fleet, judged, step

FLEET = fleet(3)


def said(quality: float | None, truth: float | None, *, model: str = "m0") -> Event:
    return event(step(FLEET, 0), history=[judged(model, quality=quality)], reward=truth)


def taught(*events: Event) -> Verdicts:
    verdicts = Verdicts()
    for one in events:
        verdicts.learn(one)
    return verdicts


@pytest.mark.parametrize("quality", [0.0, 0.37, 1.0])
def test_without_feedback_a_verdict_counts_as_it_stands(quality: float) -> None:
    assert taught(said(0.5, None)).worth(judged(quality=quality)) == pytest.approx(quality)


def test_what_was_not_judged_is_worth_nothing_known() -> None:
    assert Verdicts().worth(judged(quality=None)) is None


def test_verdicts_drawn_together_are_told_apart_again() -> None:
    verdicts = taught(*[said(0.4, 0.0), said(0.6, 1.0)] * 100)
    assert verdicts.worth(judged(quality=0.4)) == pytest.approx(0.0, abs=0.1)
    assert verdicts.worth(judged(quality=0.6)) == pytest.approx(1.0, abs=0.1)


def test_a_model_the_judges_flatter_is_worth_less_than_another() -> None:
    verdicts = taught(*[said(0.8, 0.5), said(0.8, 0.8, model="m1")] * 100)
    flattered, plain = (verdicts.worth(judged(model, quality=0.8)) for model in ("m0", "m1"))
    assert flattered is not None
    assert plain is not None
    assert flattered < plain - 0.1


def test_feedback_says_the_quality_of_the_answer_served_and_of_no_other() -> None:
    history = [judged("m0", quality=0.2), judged("m1", quality=0.4)]
    both = event(step(FLEET, 0), step(FLEET, 1), history=history, reward=1.0)
    assert [(step.action.model, worth) for step, worth in Verdicts().worths(both)] == [("m0", 1.0), ("m1", 0.4)]


def test_an_event_of_feedback_repeats_no_verdict() -> None:
    history = [judged("m0", quality=0.2), judged("m1", quality=0.4)]
    again = event(step(FLEET, 0), step(FLEET, 1), history=history, reward=1.0, kind="feedback")
    assert [(step.action.model, worth) for step, worth in Verdicts().worths(again)] == [("m0", 1.0)]


def test_a_failed_call_says_nothing_of_quality() -> None:
    failed = event(step(FLEET, 0), step(FLEET, 1), history=[judged("m0", status="error"), judged("m1", quality=0.4)])
    assert [step.action.model for step, _ in Verdicts().worths(replace(failed, feedback=None))] == ["m1"]


def test_where_the_client_spoke_no_reward_is_corrected() -> None:
    verdicts = taught(*[said(0.8, 0.5)] * 50)
    assert verdicts.correction(said(0.8, 0.1)) == 0.0
    assert verdicts.correction(said(0.8, None)) == pytest.approx(-0.3, abs=0.05)
