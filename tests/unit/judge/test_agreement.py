"""How reviewers agree with each other and with the panel."""

from __future__ import annotations

import pytest

from bandit_router.judge.agreement import compare, report
from bandit_router.types import Grade


def grade(item: int, reviewer: str, score: float, *, reason: str = "margin", quality: float | None = 0.6) -> Grade:
    return Grade(decision_id=f"d{item}", reviewer=reviewer, score=score, reason=reason, quality=quality)


def test_kappa_is_that_of_cohen() -> None:
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: 0.7 observed, 0.5 by chance.
    sides = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    found = compare(sides)
    assert (found.items, found.agreement, found.kappa) == (50, 0.7, pytest.approx(0.4))


def test_kappa_of_those_who_always_disagree_is_minus_one() -> None:
    assert compare([(True, False), (False, True)]).kappa == -1.0


def test_kappa_is_unknown_where_chance_alone_would_agree() -> None:
    assert compare([(True, True)] * 3).kappa is None


def test_with_nothing_to_compare_nothing_is_known() -> None:
    found = report([grade(1, "ann", 1.0), grade(2, "bob", 0.0)])
    assert (found.overall.items, found.overall.agreement, found.overall.kappa) == (0, None, None)


def test_each_pair_of_reviewers_is_compared_whatever_the_order_of_their_grades() -> None:
    grades = [grade(1, "bob", 1.0), grade(1, "ann", 1.0), grade(2, "ann", 0.0), grade(2, "bob", 0.2)]
    found = report(grades)
    assert list(found.pairs) == [("ann", "bob")]
    assert (found.overall.items, found.overall.agreement, found.overall.kappa) == (2, 1.0, 1.0)
    assert (found.items, found.grades) == (2, 4)


def test_the_whole_is_the_mean_over_pairs_by_what_they_share() -> None:
    one = [grade(n, who, 1.0) for n in range(3) for who in ("ann", "bob")]
    other = [grade(9, "ann", 1.0), grade(9, "eve", 0.0)]
    assert report([*one, *other]).overall.agreement == 0.75


def test_three_reviewers_of_one_answer_are_three_pairs() -> None:
    assert len(report([grade(1, who, 1.0) for who in ("ann", "bob", "eve")]).pairs) == 3


def test_the_panel_is_compared_by_reason_with_the_mean_grade() -> None:
    grades = [
        grade(1, "ann", 1.0),
        grade(1, "bob", 0.2),
        grade(2, "ann", 0.0),
        grade(3, "ann", 1.0, reason="audit", quality=0.9),
        grade(4, "ann", 1.0, reason="audit", quality=None),
    ]
    panel = report(grades).panel
    assert {reason: (told.items, told.agreement) for reason, told in panel.items()} == {
        "margin": (2, 0.5),
        "audit": (1, 1.0),
    }
