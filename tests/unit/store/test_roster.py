"""The states of models and their history, on both kinds of database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from bandit_router.store.roster import Roster
from bandit_router.types import ModelEvent

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CAME = ModelEvent(model="medium", at=NOW, state="active", reason="added", numbers={"tier": 1})
LEFT = ModelEvent(model="medium", at=NOW + timedelta(hours=1), before="active", state="retired", reason="dear")


@pytest.fixture
def roster(engine: Engine) -> Roster:
    return Roster(engine)


def test_the_newest_event_makes_the_state_and_the_entry_stays(roster: Roster) -> None:
    roster.note(CAME, entry={"name": "medium", "target": "openai/medium"})
    roster.note(LEFT)
    (record,) = roster.records()
    assert (record.state, record.since, record.reason, record.numbers) == ("retired", LEFT.at, "dear", {})
    assert record.entry == {"name": "medium", "target": "openai/medium"}


def test_history_is_read_back_the_newest_first(roster: Roster) -> None:
    roster.note(CAME)
    roster.note(replace(CAME, model="other"))
    roster.note(LEFT)
    assert roster.events("medium") == [LEFT, CAME]
    assert len(roster.events()) == 3
    assert roster.events(limit=1) == [LEFT]


def test_what_several_processes_notice_is_entered_once(roster: Roster) -> None:
    alarm = replace(LEFT, key="drift medium 7", state="degraded")
    assert roster.note(alarm)
    assert not roster.note(replace(alarm, state="active"))
    assert [record.state for record in roster.records()] == ["degraded"]


def test_an_event_that_leaves_the_state_alone_makes_no_record(roster: Roster) -> None:
    roster.note(replace(LEFT, model="*", before=None, state=None))
    assert (roster.records(), len(roster.events())) == ([], 1)


def test_the_head_moves_with_each_event(roster: Roster) -> None:
    assert roster.head() == 0
    roster.note(CAME)
    first = roster.head()
    roster.note(LEFT)
    assert roster.head() > first > 0


def test_what_happened_for_a_reason_is_read_back_the_oldest_first(roster: Roster) -> None:
    for event in (CAME, LEFT, again := replace(CAME, at=LEFT.at)):
        roster.note(event)
    assert roster.noted("added") == [CAME, again]
