"""The position watch finds the lean of a judge that compares, and none where orders decide nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bandit_router.judge.graded import Graded, graded
from bandit_router.judge.position import Position, positions
from bandit_router.judge.report import report
from bandit_router.types import Event
from tests.factories import make_decision, make_judged, make_outcome


def compared(*pairs: tuple[int, int]) -> list[Graded]:
    bare = {"verdicts": {}, "quality": None, "truth": None, "model": "m", "output_tokens": 1, "earlier": 1}
    return [Graded(**bare, preferred={"rival": pair}) for pair in pairs]


def drawn(lean: float, *, n: int, seed: int = 0) -> list[Graded]:
    """Return comparisons of a judge that takes the first shown, unseen, with a probability, else the better one."""
    rng = np.random.default_rng(seed)
    better = rng.random(n) < 0.5
    said = [[1 if rng.random() < lean else place for place in ((1, 2) if own else (2, 1))] for own in better]
    return compared(*((one, two) for one, two in said))


def only(found: Sequence[Position]) -> Position:
    [one] = found
    return one


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("lean", "share"), [(0.0, 0.5), (0.1, 0.55), (0.5, 0.75), (1.0, 1.0)])
def test_the_share_that_prefers_the_first_shown_is_found(lean: float, share: float, seed: int) -> None:
    found = only(positions(drawn(lean, n=400, seed=seed), limit=0.1))
    assert (found.pairs, found.share) == (400, pytest.approx(share, abs=0.04))
    assert found.low <= found.share <= found.high


@pytest.mark.parametrize(("lean", "warned"), [(0.0, False), (0.1, False), (0.5, True), (1.0, True)])
def test_a_lean_past_the_limit_is_warned_of(lean: float, warned: bool) -> None:
    assert only(positions(drawn(lean, n=400), limit=0.1)).warning is warned


def test_a_judge_that_says_the_second_shown_leans_too() -> None:
    found = only(positions(compared(*[(2, 2)] * 60), limit=0.1))
    assert (found.share, found.disagree, found.warning) == (0.0, 1.0, True)


def test_a_judge_that_goes_by_the_answers_prefers_the_first_shown_in_half() -> None:
    found = only(positions(compared(*[(1, 2), (2, 1)] * 30), limit=0.1))
    assert (found.share, found.disagree) == (0.5, 0.0)


def test_pairs_of_which_neither_was_preferred_say_nothing() -> None:
    assert only(positions(compared(*[(1, 2)] * 50, *[(0, 0)] * 50), limit=0.1)).pairs == 50


def test_too_few_pairs_give_no_figure() -> None:
    assert positions(compared(*[(1, 1)] * 49), limit=0.1) == []


def test_what_was_preferred_is_read_from_events() -> None:
    decision = make_decision()
    event = Event(seq=1, kind="finished", decision=decision, outcome=make_outcome(decision, history=(make_judged(),)))
    assert [each.preferred for each in graded([event])] == [{"rival": (1, 1)}]


def test_the_report_warns_of_a_lean_in_words() -> None:
    limits = {"length": 0.2, "family": 0.3, "order": 0.2, "position": 0.1}
    found = report(compared(*[(1, 1)] * 60), weights={}, families={}, limits=limits)
    assert found.warnings == (
        "judge rival: prefers the answer shown first in 100% of comparisons (95 %: 95% to 100%); 60 pairs, 100% with "
        "orders that disagree",
    )
