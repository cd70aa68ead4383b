"""Requests are kept whole to be probed with, found again, and deleted, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from bandit_router.store.log import Log
from bandit_router.store.recent import Recent
from bandit_router.store.text import LogText
from bandit_router.types import Asked, Decision, Hints
from tests.factories import START, make_decision, make_outcome

END = START + timedelta(hours=1)
ASKED = Asked(
    params={"tools": [{"type": "function", "function": {"name": "look"}}], "max_tokens": 7},
    hints=Hints(allow=frozenset({"large", "small"}), deny=frozenset({"tiny"}), region="eu", max_cost_usd=0.1),
)


@contextmanager
def opened(engine: Engine, log_text: LogText = "full", *, keep_asked: bool = True) -> Iterator[Log]:
    log = Log(engine, log_text=log_text, keep_asked=keep_asked)
    try:
        yield log
    finally:
        log.close()


@pytest.fixture
async def log(engine: Engine) -> AsyncIterator[Log]:
    with opened(engine) as made:
        yield made


def sent(number: int, *, text: str = "Hello", asked: Asked | None = ASKED, **changes: Any) -> Decision:
    return make_decision(number, messages=({"role": "user", "content": text},), asked=asked, **changes)


async def answered(log: Log, *decisions: Decision) -> None:
    for decision in decisions:
        await log.decided(decision)
        await log.finished(make_outcome(decision))


def unprobed(engine: Engine, model: str = "large", *, since: datetime = START, until: datetime = END) -> list[str]:
    return list(Recent(engine).unprobed(model, since=since, until=until, limit=3))


def probe(number: int, of: Decision, *, model: str = "large") -> Decision:
    return make_decision(number, model=model, kind="probe", parent=of.id)


async def test_what_a_request_asked_for_is_read_back(engine: Engine, log: Log) -> None:
    await answered(log, sent(1))
    assert Recent(engine).asked(make_decision(1).id) == ASKED


async def test_hints_that_were_not_given_stay_so(engine: Engine, log: Log) -> None:
    await answered(log, sent(1, asked=Asked()))
    assert Recent(engine).asked(make_decision(1).id) == Asked()


async def test_who_asked_is_not_kept(engine: Engine, log: Log) -> None:
    who = {"user": "ann", "metadata": {"team": "a"}, "safety_identifier": "x"}
    await answered(log, sent(1, asked=replace(ASKED, params={**ASKED.params, **who})))
    assert Recent(engine).asked(make_decision(1).id) == ASKED


async def test_the_newest_requests_that_finished_are_found(engine: Engine, log: Log) -> None:
    await answered(log, *(sent(number) for number in range(1, 6)))
    await log.decided(sent(6))
    assert unprobed(engine) == [make_decision(number).id for number in (5, 4, 3)]


async def test_neither_older_nor_later_ones_are_found(engine: Engine, log: Log) -> None:
    await answered(log, sent(1), sent(2), sent(3))
    since, until = START + timedelta(seconds=2), make_outcome(2).finished_at
    assert unprobed(engine, since=since, until=until) == [make_decision(2).id]


async def test_no_model_is_probed_twice_with_a_request(engine: Engine, log: Log) -> None:
    await answered(log, sent(1), probe(2, make_decision(1)))
    assert (unprobed(engine, "large"), unprobed(engine, "medium")) == ([], [make_decision(1).id])


async def test_while_a_probe_beside_a_request_is_under_way_the_request_is_left_alone(engine: Engine, log: Log) -> None:
    await answered(log, sent(1))
    await log.decided(probe(2, make_decision(1)))
    assert unprobed(engine, "large") == unprobed(engine, "medium") == []


async def test_a_request_that_named_its_model_is_not_kept(engine: Engine, log: Log) -> None:
    await answered(log, sent(1, asked=None))
    assert unprobed(engine) == []


@pytest.mark.parametrize(
    ("text", "log_text", "keep_asked", "kept"),
    [
        ("write to ann@example.org", "full", True, True),
        ("write to ann@example.org", "redacted", True, False),
        ("write to ann", "redacted", True, True),
        ("write to ann", "none", True, False),
        ("write to ann", "full", False, False),
    ],
)
async def test_only_what_may_be_stored_as_it_was_sent_is_kept(
    engine: Engine, text: str, log_text: LogText, keep_asked: bool, kept: bool
) -> None:
    with opened(engine, log_text, keep_asked=keep_asked) as log:
        await answered(log, sent(1, text=text))
    assert (unprobed(engine), Recent(engine).asked(make_decision(1).id) is not None) == (
        [make_decision(1).id] if kept else [],
        kept,
    )


async def test_what_is_too_old_is_deleted_and_the_rest_stays(engine: Engine, log: Log) -> None:
    await answered(log, sent(1), sent(2))
    assert Recent(engine).forget(START + timedelta(seconds=2)) == 1
    assert unprobed(engine) == [make_decision(2).id]
