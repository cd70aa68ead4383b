"""That a model changed is told to learners in the journal, at one place for all, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Engine

from bandit_router.reward.feedback import combine
from bandit_router.store.events import Events
from bandit_router.store.lessons import Lessons
from bandit_router.store.log import Log
from bandit_router.store.roster import Roster
from bandit_router.types import ModelEvent
from tests.factories import START, make_decision, make_feedback, make_outcome

CHANGE = ModelEvent(model="large", at=START, reason="answers got worse", key="drift large 1", changed=True)


@pytest.fixture
async def log(engine: Engine) -> AsyncIterator[Log]:
    opened = Log(engine)
    yield opened
    opened.close()


async def finish(log: Log, number: int) -> None:
    await log.decided(make_decision(number))
    await log.finished(make_outcome(number))


async def test_learners_read_a_change_at_its_place(engine: Engine, log: Log) -> None:
    await finish(log, 1)
    Roster(engine).note(CHANGE)
    await finish(log, 2)
    read = Lessons(Events(engine, combine=combine)).read(0, limit=9)
    assert [(event.kind, event.model) for event in read] == [("finished", ""), ("changed", "large"), ("finished", "")]


async def test_a_change_noticed_by_two_processes_is_told_once(engine: Engine, log: Log) -> None:
    await finish(log, 1)
    assert [Roster(engine).note(CHANGE) for _ in range(2)] == [True, False]
    read = Lessons(Events(engine, combine=combine)).read(0, limit=9)
    assert [event.kind for event in read] == ["finished", "changed"]


async def test_reports_do_not_see_changes(engine: Engine, log: Log) -> None:
    await finish(log, 1)
    Roster(engine).note(CHANGE)
    events = Events(engine, combine=combine)
    assert [event.kind for event in events.read(0, limit=9)] == ["finished"]
    assert (events.head(), len(events.finished(0, limit=9))) == (1, 1)


async def test_a_change_repeats_no_feedback(engine: Engine, log: Log) -> None:
    await finish(log, 1)
    await log.feedback(make_feedback(1, decision=1, score=0.25))
    Roster(engine).note(CHANGE)
    told = [event.feedback for event in Lessons(Events(engine, combine=combine)).read(0, limit=9)]
    assert told == [None, 0.25, None]


def test_before_any_event_there_is_nothing_to_tell(engine: Engine) -> None:
    assert Roster(engine).note(CHANGE)
    assert Lessons(Events(engine, combine=combine)).read(0, limit=9) == []
