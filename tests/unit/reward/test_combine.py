"""All that was said of an answer becomes one number: reviews before clients, clients before signs."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit_router.api.feedback import KINDS
from bandit_router.errors import BadRequest
from bandit_router.reward.feedback import SIGNS, WEIGHTS, combine, edit_score, thumbs_score
from bandit_router.types import Feedback
from tests.factories import make_feedback


def said(*pairs: tuple[Any, float], late: bool = False) -> list[Feedback]:
    return [make_feedback(n, kind=kind, score=score, late=late) for n, (kind, score) in enumerate(pairs)]


def test_nothing_said_is_nothing_known() -> None:
    assert combine([], 0.9) is None


def test_scores_are_averaged() -> None:
    assert combine(said(("score", 1.0), ("label", 0.0), ("score", 0.7)), 0.1) == 1.7 / 3


def test_a_thumb_counts_half_as_much_as_a_score() -> None:
    assert combine(said(("score", 0.0), ("thumbs", 1.0)), None) == pytest.approx(1 / 3)


@pytest.mark.parametrize("sign", ["retry", "edit_distance", "copied"])
def test_signs_do_not_count_beside_what_is_said_outright(sign: str) -> None:
    assert combine(said((sign, 0.1), ("thumbs", 1.0), (sign, 0.1)), 0.5) == 1.0


def test_a_review_overrides_everything() -> None:
    assert combine(said(("score", 1.0), ("review", 0.0), ("score", 1.0), ("copied", 0.9)), 1.0) == 0.0


def test_two_reviews_are_averaged() -> None:
    assert combine(said(("review", 0.0), ("review", 1.0), ("score", 1.0)), None) == 0.5


def test_a_sign_moves_what_the_judges_said_and_does_not_replace_it() -> None:
    assert combine(said(("retry", SIGNS["retry"])), 0.8) == pytest.approx((0.8 + 0.5 * 0.2) / 1.5)


def test_of_an_answer_that_was_not_judged_the_signs_are_all_there_is() -> None:
    assert combine(said(("edit_distance", 0.75)), None) == 0.75


def test_a_sign_that_comes_again_counts_once_and_as_it_came_last() -> None:
    assert combine(said(*[("copied", 0.9)] * 50), 0.1) == combine(said(("copied", 0.9)), 0.1)
    assert combine(said(("edit_distance", 0.9), ("edit_distance", 0.2)), None) == pytest.approx(0.2)


def test_what_came_late_does_not_count() -> None:
    assert combine(said(("score", 0.0), late=True), 0.9) is None


@given(st.lists(st.tuples(st.sampled_from(sorted(WEIGHTS)), st.floats(0, 1))), st.none() | st.floats(0, 1))
def test_whatever_is_said_it_comes_to_a_share(pairs: list[tuple[Any, float]], quality: float | None) -> None:
    found = combine(said(*pairs), quality)
    assert (found is None) == (not pairs)
    assert found is None or -1e-12 <= found <= 1 + 1e-12


def test_every_kind_a_client_may_send_has_a_weight() -> None:
    assert set(KINDS) | {"review"} == set(WEIGHTS)


def test_an_answer_is_worth_the_share_that_was_kept() -> None:
    assert [edit_score(changed) for changed in (0.0, 0.25, 1.0)] == [1.0, 0.75, 0.0]


@pytest.mark.parametrize("changed", [-0.1, 1.1, math.nan])
def test_a_share_that_is_none_is_refused(changed: float) -> None:
    with pytest.raises(BadRequest, match="edit_distance"):
        edit_score(changed)


def test_a_thumb_points_up_or_down() -> None:
    assert (thumbs_score("up"), thumbs_score("down")) == (1.0, 0.0)
    with pytest.raises(BadRequest, match="thumbs"):
        thumbs_score("sideways")
