"""The rules of a cascade."""

import pytest

from bandit_router.cascade.plan import Limits, next_actions, served
from bandit_router.types import STOP, Action, Attempt, Judged, Judgement

CANDIDATES = (
    Action(model="small", tier=0, cost_usd=0.001),
    Action(model="medium", tier=1, cost_usd=0.01),
    Action(model="large", tier=2, cost_usd=0.1),
)


def judged(model: str, quality: float | None, *, status: str = "ok", cost_usd: float = 0.0) -> Judged:
    attempt = Attempt(index=0, model=model, tier=0, status=status, cost_usd=cost_usd, latency_s=0.1)
    return Judged(attempt=attempt, judgement=Judgement(quality=quality) if status == "ok" else None)


def names(*history: Judged, limits: Limits | None = None, elapsed_s: float = 0.0) -> list[str]:
    return [a.model for a in next_actions(CANDIDATES, history, limits or Limits(), elapsed_s=elapsed_s)]


def test_at_first_every_candidate_may_start_and_stopping_is_not_offered() -> None:
    assert names() == ["small", "medium", "large"]


def test_after_an_answer_stop_is_offered_before_the_untried_models() -> None:
    assert names(judged("medium", 0.4)) == [STOP, "small", "large"]


def test_after_a_failure_alone_stop_is_not_offered() -> None:
    assert names(judged("small", None, status="timeout")) == ["medium", "large"]


def test_when_every_model_failed_nothing_is_left() -> None:
    assert names(*(judged(a.model, None, status="error") for a in CANDIDATES)) == []


def test_the_limit_of_judged_answers_leaves_only_stop() -> None:
    assert names(judged("small", 0.1), limits=Limits(max_attempts=1)) == [STOP]


def test_failures_do_not_count_against_the_limit_of_answers() -> None:
    assert names(judged("small", None, status="error"), limits=Limits(max_attempts=1)) == ["medium", "large"]


def test_a_model_over_what_is_left_of_the_ceiling_is_not_offered() -> None:
    spent = judged("small", 0.1, cost_usd=0.045)
    assert names(spent, limits=Limits(max_cost_usd=0.05)) == [STOP]
    assert names(spent, limits=Limits(max_cost_usd=0.06)) == [STOP, "medium"]


def test_past_the_deadline_an_answer_at_hand_is_served() -> None:
    assert names(judged("small", 0.1), elapsed_s=121.0) == [STOP]


def test_past_the_deadline_without_an_answer_nothing_is_left() -> None:
    assert names(judged("small", None, status="timeout"), elapsed_s=120.0) == []


def test_below_the_least_quality_asked_for_stop_is_not_offered() -> None:
    assert names(judged("small", 0.5), limits=Limits(min_quality=0.8)) == ["medium", "large"]
    assert STOP in names(judged("small", 0.8), limits=Limits(min_quality=0.8))


def test_with_no_model_left_an_answer_is_served_however_poor() -> None:
    history = [judged(a.model, 0.1) for a in CANDIDATES]
    assert names(*history, limits=Limits(min_quality=0.8)) == [STOP]


@pytest.mark.parametrize(
    ("qualities", "index"),
    [([0.9, 0.2], 0), ([0.2, 0.9], 1), ([0.5, 0.5], 1), ([0.2, None], 1), ([0.9, None], 0), ([None], 0)],
)
def test_the_best_judged_answer_is_served_and_the_later_of_equals(qualities: list[float | None], index: int) -> None:
    assert served([judged(str(i), q) for i, q in enumerate(qualities)]) == index


def test_nothing_is_served_when_nothing_answered() -> None:
    assert served([judged("small", None, status="error")]) is None


def test_the_policys_own_choice_is_served_before_the_best_judged() -> None:
    assert served([judged("small", 0.2), judged("large", 0.9)], 0) == 0


@pytest.mark.parametrize("preferred", [1, 7, -1])
def test_a_choice_that_is_no_answer_is_not_served(preferred: int) -> None:
    assert served([judged("small", 0.2), judged("large", None, status="error")], preferred) == 0


def test_answers_are_fused_once_there_are_two() -> None:
    fusing = (*CANDIDATES, Action(model="both", tier=2, fuses=True))
    one = [judged("small", 0.4), judged("medium", None, status="timeout")]
    assert "both" not in [a.model for a in next_actions(fusing, one, Limits())]
    two = [judged("small", 0.4), judged("medium", 0.4)]
    assert "both" in [a.model for a in next_actions(fusing, two, Limits())]
