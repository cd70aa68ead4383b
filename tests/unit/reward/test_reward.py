"""Quality less cost in units of the dial; unobserved is not zero."""

import math
from dataclasses import replace

import pytest

from bandit_router.errors import BadRequest
from bandit_router.reward.feedback import score_of
from bandit_router.reward.utility import reward
from bandit_router.types import Attempt, Event, Judged, Judgement, Verdict
from tests.factories import make_decision, make_outcome


def event(
    *,
    quality: float | None,
    cost_usd: float = 0.0,
    value_usd: float = 0.01,
    feedback: float | None = None,
    value_s: float | None = None,
) -> Event:
    decision = make_decision(value_usd=value_usd, value_s=value_s)
    attempt = Attempt(index=0, model="small", tier=0, status="ok", cost_usd=cost_usd, latency_s=0.1)
    judged = Judged(attempt=attempt, judgement=Judgement(quality=quality))
    outcome = make_outcome(decision, history=(judged,), served=0)
    return Event(seq=1, kind="finished", decision=decision, outcome=outcome, feedback=feedback)


def test_cost_is_weighed_by_the_dial() -> None:
    assert reward(event(quality=0.9, cost_usd=0.002, value_usd=0.01)) == pytest.approx(0.7)


def test_feedback_goes_before_the_panel() -> None:
    assert reward(event(quality=0.9, cost_usd=0.0, feedback=0.2)) == pytest.approx(0.2)


def test_an_unjudged_answer_has_no_reward() -> None:
    assert reward(event(quality=None)) is None


def test_an_unjudged_answer_with_feedback_has_one() -> None:
    assert reward(event(quality=None, cost_usd=0.0, feedback=1.0)) == 1.0


def test_a_request_that_nobody_answered_is_worth_nothing() -> None:
    failed = event(quality=0.9, cost_usd=0.0)
    assert reward(replace(failed, outcome=replace(failed.outcome, served=None))) == 0.0


def test_the_range_is_kept_however_dear() -> None:
    assert reward(event(quality=0.5, cost_usd=100.0, value_usd=0.01)) == -1.0


def test_waiting_is_weighed_by_its_own_dial() -> None:
    told = event(quality=0.9, value_s=5.0)
    assert reward(told) == pytest.approx(0.9 - told.outcome.latency_s / 5.0)


def test_waiting_costs_nothing_without_a_dial_for_it() -> None:
    assert reward(event(quality=0.9)) == 0.9


def test_the_range_is_kept_however_slow() -> None:
    assert reward(event(quality=0.5, value_s=1e-9)) == -1.0


def test_judges_dollars_count_like_the_models() -> None:
    told = event(quality=0.9)
    verdict = Verdict(judge="llm", score=0.9, cost_usd=0.002)
    history = (replace(told.outcome.history[0], judgement=Judgement(quality=0.9, verdicts=(verdict,))),)
    assert reward(replace(told, outcome=replace(told.outcome, history=history))) == pytest.approx(0.7)


@pytest.mark.parametrize(("score", "label", "expected"), [(0.3, None, 0.3), (None, "up", 1.0), (0.3, "good", 0.3)])
def test_a_score_goes_before_a_label(score: float | None, label: str | None, expected: float) -> None:
    assert score_of(score, label) == expected


@pytest.mark.parametrize(("score", "label"), [(math.nan, None), (1.1, None), (-0.1, None), (None, None), (None, "gud")])
def test_feedback_that_means_nothing_is_refused(score: float | None, label: str | None) -> None:
    with pytest.raises(BadRequest):
        score_of(score, label)
