"""A full disk, a locked file, a lost database: callers are told, and work goes on afterwards."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Connection, Engine, event, make_url, text
from sqlalchemy.exc import OperationalError

from bandit_router.errors import RecordRejected, StoreUnavailable, UnknownDecision
from bandit_router.reward.feedback import combine
from bandit_router.store.events import Events
from bandit_router.store.keys import Keys
from bandit_router.store.leases import Leases
from bandit_router.store.log import Log
from bandit_router.store.session import open_engine, writing
from bandit_router.store.versions import Versions
from tests.databases import Postgres
from tests.factories import START, make_context, make_decision, make_feedback, make_outcome


@pytest.fixture
async def log(engine: Engine) -> AsyncIterator[Log]:
    opened = Log(engine, log_text="full")
    yield opened
    opened.close()


async def try_all(log: Log, *numbers: int, **changes: Any) -> set[type]:
    """Decide all at once and return what kinds of result there were."""
    calls = (log.decided(make_decision(number, **changes)) for number in numbers)
    return {type(result) for result in await asyncio.gather(*calls, return_exceptions=True)}


async def test_a_full_disk_is_told_to_every_caller_until_there_is_room(sqlite_url: str) -> None:
    engine, pages = open_engine(sqlite_url), 1  # SQLite raises it to the pages there are
    event.listen(engine, "checkout", lambda file, *_: file.execute(f"PRAGMA max_page_count = {pages}"))
    log = Log(engine, log_text="full")
    full = await try_all(log, *range(10), messages=({"content": "x" * 100_000},))
    pages = 1_000_000
    with_room = await try_all(log, *range(10))
    log.close()
    engine.dispose()
    assert (full, with_room) == ({StoreUnavailable}, {type(None)})


async def test_a_locked_file_is_told_until_it_is_free(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url, busy_timeout_s=0.01)
    log = Log(engine)
    other = sqlite3.connect(str(make_url(sqlite_url).database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    locked = await try_all(log, 1, 2)
    other.execute("ROLLBACK")
    other.close()
    free = await try_all(log, 1, 2)
    log.close()
    engine.dispose()
    assert (locked, free) == ({StoreUnavailable}, {type(None)})


async def test_a_deleted_file_is_told_until_one_is_put_back(sqlite_url: str, sqlite_file: Path) -> None:
    engine, path = open_engine(sqlite_url), Path(str(make_url(sqlite_url).database))
    log, events = Log(engine), Events(engine, combine=combine)
    await log.decided(make_decision(1))
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    deleted = await try_all(log, 2, 3)
    left = [*path.parent.glob(f"{path.name}*")]
    shutil.copy(sqlite_file, path)
    back = await try_all(log, 2, 3)
    log.close()
    found = [events.decision(make_decision(number).id).decision.id for number in (2, 3)]
    engine.dispose()
    assert (deleted, left, back) == ({StoreUnavailable}, [], {type(None)})
    assert found == [make_decision(number).id for number in (2, 3)]


async def test_a_file_that_was_replaced_is_the_one_written_to(sqlite_url: str, sqlite_file: Path) -> None:
    engine, path = open_engine(sqlite_url), Path(str(make_url(sqlite_url).database))
    log = Log(engine)
    await log.decided(make_decision(1))
    other = shutil.copy(sqlite_file, path.with_suffix(".new"))
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    other.rename(path)
    await log.decided(make_decision(2))
    log.close()
    engine.dispose()
    again = open_engine(sqlite_url)
    with pytest.raises(UnknownDecision):
        Events(again, combine=combine).decision(make_decision(1).id)
    assert Events(again, combine=combine).decision(make_decision(2).id).decision.id == make_decision(2).id
    again.dispose()


async def test_connections_cut_between_calls_go_unnoticed(postgres: Postgres, postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    log, events = Log(engine), Events(engine, combine=combine)
    await log.decided(make_decision(1))
    postgres.disconnect(postgres_url)
    await log.decided(make_decision(2))
    log.close()
    read = [events.decision(make_decision(number).id).decision.id for number in (1, 2)]
    engine.dispose()
    assert read == [make_decision(1).id, make_decision(2).id]


async def cut_whoever_waits(connection: Connection) -> None:
    """Cut the connection of whoever waits for a turn that `connection` holds, as soon as somebody does."""
    waiting = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while not connection.execute(text(waiting)).all():
        await asyncio.sleep(0.01)


async def test_a_connection_cut_in_the_middle_of_a_batch_is_told_and_the_batch_can_be_sent_again(
    postgres_url: str,
) -> None:
    engine, other = open_engine(postgres_url), open_engine(postgres_url)
    log, events = Log(engine), Events(engine, combine=combine)
    await log.decided(make_decision(1))
    with writing(other, journal=True) as connection:
        call = asyncio.ensure_future(log.finished(make_outcome(1)))
        await cut_whoever_waits(connection)
        with pytest.raises(StoreUnavailable):
            await call
    await log.finished(make_outcome(1))
    log.close()
    finished = [event.decision.id for event in events.read(0, limit=10)]
    for each in (engine, other):
        each.dispose()
    assert finished == [make_decision(1).id]


async def test_a_commit_that_was_done_but_not_confirmed_is_not_done_twice(engine: Engine, log: Log) -> None:
    events = Events(engine, combine=combine)
    await log.decided(make_decision(1))

    def lose_confirmation(connection: Connection) -> None:
        connection.connection.commit()
        raise OperationalError("COMMIT", {}, Exception("the connection was lost"))

    event.listen(engine, "commit", lose_confirmation)
    unconfirmed = await asyncio.gather(log.finished(make_outcome(1)), return_exceptions=True)
    event.remove(engine, "commit", lose_confirmation)
    again = await asyncio.gather(log.finished(make_outcome(1)), return_exceptions=True)
    assert [type(result) for result in (*unconfirmed, *again)] == [StoreUnavailable, RecordRejected]
    assert [event.decision.id for event in events.read(0, limit=10)] == [make_decision(1).id]


async def test_a_stopped_server_is_told_by_every_part_until_it_is_back(postgres: Postgres, postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    log, events, versions = Log(engine), Events(engine, combine=combine), Versions(engine)
    await log.decided(make_decision(1))
    parts: list[Callable[[], object]] = [
        lambda: events.read(0, limit=1),
        lambda: events.decision(make_decision(1).id),
        events.head,
        lambda: events.lag(0, now=START),
        lambda: versions.latest("vw_cb"),
        lambda: versions.newest_number(["vw_cb"]),
        lambda: Leases(engine).acquire("learner", "a", ttl_s=1, now=START),
        lambda: Keys(engine).verify("br-x"),
    ]
    with postgres.stopped():
        told = await try_all(log, 2, 3)
        for part in parts:
            with pytest.raises(StoreUnavailable):
                part()
    back = await try_all(log, 2, 3)
    for part in parts:
        part()
    log.close()
    engine.dispose()
    assert (told, back) == ({StoreUnavailable}, {type(None)})


@pytest.mark.parametrize("bad", ["known id", "missing value"])
async def test_a_refusal_does_not_quote_what_was_refused(log: Log, caplog: pytest.LogCaptureFixture, bad: str) -> None:
    decision = make_decision(1, messages=({"content": "my diary"},), session="my diary")
    if bad == "missing value":
        decision = dataclasses.replace(decision, context=make_context(1, key=None))
    else:
        await log.decided(decision)
    with pytest.raises(RecordRejected) as refused:
        await log.decided(decision)
    assert "diary" not in str(refused.value) + caplog.text


async def test_a_refused_record_does_not_hide_what_became_of_the_feedback_beside_it(log: Log) -> None:
    await log.decided(make_decision(1))
    calls = (log.decided(make_decision(1)), log.feedback(make_feedback(1, decision=1)), log.feedback(make_feedback(1)))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["RecordRejected", "bool", "UnknownDecision"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_nobody_waits_in_vain_for_a_writer_that_died() -> None:
    log = Log(cast(Engine, object()))  # a fault of the program, not of the database
    assert await try_all(log, 1, 2, 3) == {StoreUnavailable}
    assert await try_all(log, 4) == {StoreUnavailable}
    log.close()
