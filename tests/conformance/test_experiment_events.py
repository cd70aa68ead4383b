"""The history of experiments in the store, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine

from bandit_router.conduct import Conduct
from bandit_router.errors import ConfigError, ExperimentConflict
from bandit_router.reward.feedback import combine
from bandit_router.store.events import Events
from bandit_router.store.experiments import ExperimentEvents
from bandit_router.store.keys import Keys
from bandit_router.store.log import Log
from bandit_router.types import ExperimentEvent
from tests.factories import START, make_decision, make_feedback, make_outcome
from tests.unit.experiment.history import Journal, make_spec

EVENT = ExperimentEvent(
    experiment="trial", number=1, kind="started", share=0.1, at=START, by="ann", spec={"name": "trial", "arms": [1.5]}
)


@pytest.fixture
async def log(engine: Engine) -> AsyncIterator[Log]:
    opened = Log(engine, log_text="none")
    yield opened
    opened.close()


def test_an_event_is_read_back_as_it_was_written(engine: Engine) -> None:
    history = ExperimentEvents(engine)
    ramped = replace(EVENT, number=2, kind="ramped", share=0.5, at=START + timedelta(1), reason="well", spec=None)
    history.append(EVENT)
    history.append(ramped)
    assert (history.all(), history.count()) == ([EVENT, ramped], 2)


def test_of_two_who_change_an_experiment_at_once_one_is_refused(engine: Engine) -> None:
    history = ExperimentEvents(engine)
    history.append(EVENT)
    with pytest.raises(ExperimentConflict, match="at the same time"):
        history.append(replace(EVENT, by="bob"))


def test_an_event_that_follows_from_what_is_no_longer_all_is_refused(engine: Engine) -> None:
    history = ExperimentEvents(engine)
    history.append(EVENT, after=0)
    with pytest.raises(ExperimentConflict, match="at the same time"):
        history.append(replace(EVENT, experiment="other"), after=0)
    history.append(replace(EVENT, experiment="other"), after=1)
    assert history.count() == 2


def test_of_two_started_in_one_layer_at_once_one_is_refused(engine: Engine) -> None:
    acting = Conduct(
        history=ExperimentEvents(engine),
        journal=Journal(),
        policies=("a", "b"),
        categories=tuple,
        keys=Keys(engine).names,
        now=lambda: START,
    )
    ready = Barrier(4)

    def begin(number: int) -> bool:
        ready.wait()
        try:
            acting.start(make_spec(name=f"trial{number}"), by="ann")
        except ConfigError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        begun = list(pool.map(begin, range(4)))
    assert (sum(begun), len(acting.all())) == (1, 1)


async def test_the_arm_and_unit_of_a_decision_are_read_back(engine: Engine, log: Log) -> None:
    decision = make_decision(1, experiment="trial", arm="new", unit="00ff")
    await log.decided(decision)
    found = Events(engine, combine=combine).decision(decision.id).decision
    assert (found.experiment, found.arm, found.unit) == ("trial", "new", "00ff")


async def test_only_the_requests_of_an_experiment_are_read(engine: Engine, log: Log) -> None:
    for number, name in enumerate(("trial", None, "trial", "other")):
        decision = make_decision(number, experiment=name)
        await log.decided(decision)
        await log.finished(make_outcome(decision))
    await log.feedback(make_feedback(decision=2))
    await log.feedback(make_feedback(1, decision=1))
    events = await asyncio.to_thread(Events(engine, combine=combine).read, 0, limit=10, experiment="trial")
    assert [(e.decision.id[-1], e.kind, e.feedback) for e in events] == [
        ("0", "finished", None),
        ("2", "finished", None),
        ("2", "feedback", 1.0),
    ]


async def test_the_last_requests_before_a_moment_are_found(engine: Engine, log: Log) -> None:
    for number in range(5):
        decision = replace(make_decision(number), created_at=START + timedelta(hours=number))
        await log.decided(decision)
        await log.finished(make_outcome(decision))
    events, within = Events(engine, combine=combine), {"since": START, "until": START + timedelta(hours=4)}
    cursors = [events.tail(count, **within) for count in (2, 9)]
    found = [[each.decision.id[-1] for each in events.finished(cursor, limit=9, **within)] for cursor in cursors]
    assert found == [["2", "3"], ["0", "1", "2", "3"]]
