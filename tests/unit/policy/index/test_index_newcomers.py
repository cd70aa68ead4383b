"""What models that come late may lose while they are got to know, and how they are let go."""

from __future__ import annotations

import numpy as np
import pytest

from bandit_router.policy.index.newcomers import (
    CHEAP,
    RATE,
    SETTLED,
    STAKE,
    START,
    TRIALS,
    TRICKLE,
    Newcomers,
    trickled,
)

OLD = ("old", "older")
LOSS = -0.4


def settled() -> Newcomers:
    """Return accounts of a service whose first models are known."""
    known = Newcomers()
    known.meet(OLD, events=1.0)
    return known


def meet(known: Newcomers, *names: str, times: int = 1) -> None:
    for _ in range(times):
        known.meet((*OLD, *names), events=SETTLED + 1)


def shut(known: Newcomers, *names: str, cost: float = 0.0) -> list[bool]:
    """Tell who is shut out where the others are worth 0.5."""
    values = np.array([0.5 if name in OLD else 0.6 for name in names])
    found = known.shut(names, values, np.full(len(names), cost))
    return [False] * len(names) if found is None else found.tolist()


def open_ones(known: Newcomers, names: tuple[str, ...]) -> list[str]:
    return [name for name, out in zip(names, shut(known, *OLD, *names)[len(OLD) :], strict=True) if not out]


def test_models_that_are_there_from_the_start_have_no_account() -> None:
    known = Newcomers()
    known.meet(("a", "b"), events=1.0)
    known.meet(("a", "b", "c"), events=SETTLED)
    assert (known.accounts, any(shut(known, "a", "b", "c"))) == ({}, False)


def test_a_newcomer_is_open_until_it_has_lost_what_it_may() -> None:
    known = settled()
    meet(known, "new")
    losses = 0
    while open_ones(known, ("new",)):
        known.settle("new", LOSS)
        meet(known, "new")
        losses += 1
    assert losses * -LOSS == pytest.approx(START[0], abs=STAKE - LOSS)


def test_many_newcomers_lose_little_together() -> None:
    known, names = settled(), tuple(f"new-{number}" for number in range(10))
    meet(known, *names)
    lost = 0.0
    for _ in range(500):
        for name in open_ones(known, names)[:1]:
            known.settle(name, LOSS)
            lost -= LOSS
        meet(known, *names)
    assert lost <= 500 * 0.005 + START[1]


def test_stakes_go_to_those_that_lost_least() -> None:
    known, names = settled(), tuple(f"new-{number}" for number in range(10))
    meet(known, *names)
    first = open_ones(known, names)
    for name in first:
        known.settle(name, LOSS)
    meet(known, *names, times=round(STAKE / RATE) + 2)
    assert not set(open_ones(known, names)) & set(first)


def test_one_that_stands_its_trials_is_known() -> None:
    known = settled()
    meet(known, "new")
    for _ in range(TRIALS):
        known.settle("new", 0.01)
    known.settle("new", -100.0)
    assert open_ones(known, ("new",)) == ["new"]


def test_one_that_was_probed_is_known() -> None:
    known = settled()
    meet(known, "new")
    for _ in range(TRIALS // 2):
        known.vouch("new")
    assert known.accounts == {}


def test_by_how_much_the_best_prediction_disappoints_is_not_held_against_a_newcomer() -> None:
    known = settled()
    meet(known, "new")
    for _ in range(200):
        known.settle("old", -0.1)
    before = known.accounts["new"]
    known.settle("new", -0.1)
    assert known.accounts["new"] == pytest.approx(before, abs=1e-9)


def test_when_only_newcomers_are_left_none_is_shut() -> None:
    known = settled()
    meet(known, "new")
    known.settle("new", -100.0)
    assert shut(known, "new") == [False]


def test_one_that_could_not_win_with_a_perfect_answer_is_shut_out() -> None:
    known = settled()
    meet(known, "new")
    assert [shut(known, "old", "new", cost=cost)[1] for cost in (0.4, 0.6)] == [False, True]


def test_accounts_survive_a_restart() -> None:
    known = settled()
    meet(known, "new", "newer")
    known.settle("new", LOSS)
    known.settle("old", 0.1)
    assert Newcomers(**known.state()).state() == known.state()


def test_who_is_shut_out_keeps_a_little_by_price_and_the_others_keep_their_shares() -> None:
    probs, out = np.array([0.5, 0.25, 0.125, 0.125]), np.array([False, False, True, True])
    found = trickled(probs, out, np.array([1.0, 1.0, CHEAP / 2, 10 * CHEAP]))
    assert found[2:].tolist() == pytest.approx([TRICKLE, TRICKLE / 10])
    assert (found.sum(), found[0] / found[1]) == pytest.approx((1.0, 2.0))
