"""Which version serves is kept, with every decision on it, and there is always an older one to go back to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from bandit_router.errors import PromotionConflict, UnknownPolicy, UnknownVersion
from bandit_router.store.promotions import Promotions
from bandit_router.store.served import Served
from bandit_router.store.versions import Versions, checksum
from bandit_router.switch import Switch
from bandit_router.types import Promotion, Version
from tests.factories import START


def make_version(number: int, **changes: Any) -> Version:
    given: dict[str, Any] = {
        "policy": "pupil",
        "number": number,
        "artifact": b"state",
        "checksum": checksum(b"state"),
        "cursor": number,
        "events": number,
        "spec_hash": "spec",
        "parent": None,
        "created_at": START + timedelta(seconds=number),
    }
    return Version(**(given | changes))


def make_promotion(number: int = 1, **changes: Any) -> Promotion:
    given: dict[str, Any] = {
        "policy": "pupil",
        "number": number,
        "kind": "promoted",
        "at": START,
        "by": "gate",
        "reason": "better",
        "numbers": {"value": 0.25},
    }
    return Promotion(**(given | changes))


@pytest.fixture
def versions(engine: Engine) -> Versions:
    found = Versions(engine)
    for number in (1, 2, 3):
        found.publish(make_version(number))
    return found


@pytest.fixture
def promotions(engine: Engine) -> Promotions:
    return Promotions(engine)


@pytest.fixture
def switch(versions: Versions, promotions: Promotions) -> Switch:
    return Switch(
        versions=versions, promotions=promotions, gated=lambda: frozenset({"pupil"}), named=tuple, now=lambda: START
    )


def serves(versions: Versions, promotions: Promotions, *, gated: bool = True) -> int | None:
    served = Served(versions=versions, promotions=promotions, gated=gated)
    version, number = served.latest("pupil"), served.newest_number(["pupil"]).get("pupil")
    assert version is None or version.number == number
    return number


def test_before_anything_was_decided_the_newest_version_serves(versions: Versions, promotions: Promotions) -> None:
    assert serves(versions, promotions) == 3


def test_what_was_promoted_serves_and_what_is_newer_does_not(versions: Versions, promotions: Promotions) -> None:
    promotions.note(make_promotion(2))
    assert serves(versions, promotions) == 2


def test_without_a_gate_the_newest_serves_whatever_was_promoted(versions: Versions, promotions: Promotions) -> None:
    promotions.note(make_promotion(2))
    assert serves(versions, promotions, gated=False) == 3


def test_a_refusal_is_kept_and_changes_nothing_of_what_serves(versions: Versions, promotions: Promotions) -> None:
    promotions.note(make_promotion(2))
    refusal = make_promotion(3, kind="refused", over=2, reason="worse")
    promotions.note(refusal)
    assert serves(versions, promotions) == 2
    assert list(promotions.history("pupil")) == [refusal, make_promotion(2)]


def test_a_decision_that_came_too_late_is_a_conflict_and_leaves_no_trace(promotions: Promotions) -> None:
    promotions.note(make_promotion(2))
    with pytest.raises(PromotionConflict):
        promotions.note(make_promotion(3, over=1))
    with pytest.raises(PromotionConflict):
        promotions.note(make_promotion(3))
    assert len(promotions.history()) == 1


def test_a_pinned_version_is_not_replaced_by_the_gate(
    versions: Versions, promotions: Promotions, switch: Switch
) -> None:
    switch.rollback("pupil", to=1, by="me", reason="it is three in the morning")
    with pytest.raises(PromotionConflict):
        promotions.note(make_promotion(3, over=1))
    versions.publish(make_version(4))
    assert serves(versions, promotions) == 1
    assert serves(versions, promotions, gated=False) == 1


def test_what_is_released_may_be_promoted_again(versions: Versions, promotions: Promotions, switch: Switch) -> None:
    switch.rollback("pupil", to=1, by="me", reason="")
    switch.release("pupil", by="me", reason="")
    assert serves(versions, promotions) == 1
    promotions.note(make_promotion(3, over=1))
    assert serves(versions, promotions) == 3


def test_going_back_without_a_number_goes_to_what_served_before(promotions: Promotions, switch: Switch) -> None:
    promotions.note(make_promotion(1))
    promotions.note(make_promotion(2, kind="refused", over=1))
    promotions.note(make_promotion(3, over=1))
    assert switch.rollback("pupil", to=None, by="me", reason="").number == 1


def test_going_back_to_nothing_learned_serves_no_version(
    versions: Versions, promotions: Promotions, switch: Switch
) -> None:
    switch.rollback("pupil", to=0, by="me", reason="")
    assert serves(versions, promotions) == 0
    assert Served(versions=versions, promotions=promotions, gated=True).latest("pupil") is None


def test_a_version_that_is_not_there_cannot_serve(switch: Switch) -> None:
    with pytest.raises(UnknownVersion, match="version 9"):
        switch.rollback("pupil", to=9, by="me", reason="")


def test_what_learned_nothing_cannot_be_rolled_back(switch: Switch) -> None:
    with pytest.raises(UnknownPolicy, match="did you mean 'pupil'"):
        switch.rollback("pupill", to=1, by="me", reason="")


def test_what_is_not_pinned_cannot_be_released(switch: Switch) -> None:
    with pytest.raises(PromotionConflict, match="nothing to release"):
        switch.release("pupil", by="me", reason="")


def test_with_no_older_state_going_back_says_what_else_there_is(promotions: Promotions, switch: Switch) -> None:
    promotions.note(make_promotion(1))
    with pytest.raises(PromotionConflict, match="give version 0"):
        switch.rollback("pupil", to=None, by="me", reason="")


def test_where_everything_stands_is_told(promotions: Promotions, switch: Switch) -> None:
    promotions.note(make_promotion(2))
    (standing,) = switch.standings()
    assert (standing.serving, standing.newest, standing.pinned, standing.last) == (2, 3, False, make_promotion(2))


def test_pruning_spares_the_version_that_serves(versions: Versions, promotions: Promotions) -> None:
    promotions.note(make_promotion(1))
    assert versions.prune("pupil", keep=1) == 1
    assert [each.number for each in versions.kept("pupil")] == [3, 1]


def test_pruning_keeps_a_state_of_each_hour_and_of_each_day(engine: Engine) -> None:
    versions, hours = Versions(engine), [0, 1, 24, 25, 47, 48, 49, 71.5, 71.9, 72]
    for number, hour in enumerate(hours, start=1):
        at = START.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=hour)
        versions.publish(make_version(number, created_at=at))
    versions.prune("pupil", keep=1)
    # Of the last day one an hour, and before that the last of each day.
    assert [each.number for each in versions.kept("pupil")] == [10, 9, 7, 6, 5, 2]


def test_decisions_of_two_policies_are_kept_apart(promotions: Promotions) -> None:
    promotions.note(make_promotion(2))
    other = replace(make_promotion(7), policy="another")
    promotions.note(other)
    assert list(promotions.history("another")) == [other]
    assert {name: each.number for name, each in promotions.serving().items()} == {"another": 7, "pupil": 2}
