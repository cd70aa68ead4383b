"""Which answers a person is to look at, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bandit_router.judge.unsure import Unsure, uniform
from bandit_router.settings import JudgeSettings
from bandit_router.types import Judgement, Outcome, Verdict
from tests.factories import make_decision, make_failed, make_judged, make_outcome


def rule(*, audit_share: float = 0.0, disagreement: float = 0.5, margin: float = 0.1) -> Unsure:
    return Unsure(audit_share=audit_share, disagreement=disagreement, margin=margin, rules=frozenset({"rules"}))


def outcome(quality: float | None, *, id: str = "a", **scores: float | None) -> Outcome:
    verdicts = tuple(Verdict(judge=judge, score=score) for judge, score in scores.items())
    judged = replace(make_judged(0), judgement=Judgement(quality=quality, verdicts=verdicts))
    return make_outcome(make_decision(id=id), history=(judged,))


def test_an_answer_the_judges_are_sure_of_is_left_alone() -> None:
    assert rule()(outcome(0.9, a=0.95, b=0.85)) is None


def test_judges_far_apart_disagree() -> None:
    assert rule()(outcome(0.7, a=0.95, b=0.45)) == "disagreement"


@pytest.mark.parametrize("quality", [0.4, 0.5, 0.6])
def test_a_quality_near_the_middle_is_a_low_margin(quality: float) -> None:
    assert rule()(outcome(quality, a=quality)) == "margin"


def test_rules_that_find_no_fault_disagree_with_nobody() -> None:
    assert rule()(outcome(0.2, rules=1.0, a=0.2)) is None


def test_rules_that_find_a_fault_can_disagree() -> None:
    assert rule()(outcome(0.1, rules=0.1, a=0.9)) == "disagreement"


def test_a_likeness_is_no_opinion_to_disagree_with() -> None:
    assert replace(rule(), hints=frozenset({"relevance"}))(outcome(0.9, a=0.95, relevance=0.05)) is None


def test_a_judge_that_failed_is_not_counted() -> None:
    assert rule()(outcome(0.9, a=0.9, b=None)) is None


def test_an_answer_without_a_verdict_is_nothing_to_be_unsure_of() -> None:
    unjudged = replace(make_judged(0), judgement=None)
    assert rule()(make_outcome(0, history=(unjudged,))) is None
    assert rule()(outcome(None, a=None)) is None


def test_where_nothing_was_served_there_is_nothing_to_review() -> None:
    failed = make_outcome(0, history=(make_failed(0),), served=None, status="failed")
    assert rule(audit_share=1.0)(failed) is None


def test_only_the_answer_served_is_looked_at() -> None:
    doubtful = replace(make_judged(0), judgement=Judgement(quality=0.5))
    sure = replace(make_judged(1, model="large"), judgement=Judgement(quality=0.9))
    assert rule()(make_outcome(0, history=(doubtful, sure), served=1)) is None


def test_an_audit_takes_answers_whatever_the_judges_said() -> None:
    audit = rule(audit_share=1.0)
    assert [audit(outcome(quality, a=quality or 0.0, b=1.0)) for quality in (0.9, 0.5, None)] == ["audit"] * 3


def test_an_audit_takes_about_its_share_and_the_same_each_time() -> None:
    audit = rule(audit_share=0.1)
    taken = [audit(outcome(0.9, id=f"decision-{n}", a=0.9)) for n in range(2000)]
    assert 150 < taken.count("audit") < 250
    assert taken == [audit(outcome(0.9, id=f"decision-{n}", a=0.9)) for n in range(2000)]


def test_the_draw_is_a_share() -> None:
    assert all(0.0 <= uniform(str(n)) < 1.0 for n in range(1000))


@pytest.mark.parametrize(("kind", "weight"), [("consistency", 0.25), ("relevance", 0.25), ("logprob", 0.25)])
def test_what_is_no_estimate_of_quality_counts_less_before_any_label(kind: str, weight: float) -> None:
    assert JudgeSettings.model_validate({"kind": kind}).face_weight == weight


def test_a_weight_that_is_given_counts_as_it_is() -> None:
    assert JudgeSettings.model_validate({"kind": "relevance", "weight": 2.0}).face_weight == 2.0


def test_a_grader_counts_in_full() -> None:
    assert JudgeSettings.model_validate({"kind": "llm", "target": "openai/m"}).face_weight == 1.0
