"""Appends what happened with group commit: whatever waits is written in one transaction; it reads nothing back."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from bandit_router.errors import RecordRejected, RouterError, StoreUnavailable
from bandit_router.store.append import Queueing, Record, Result, append, decided, finished, given
from bandit_router.store.session import is_unavailable, reason, writing
from bandit_router.store.text import LogText
from bandit_router.types import Decision, Feedback, Outcome

logger = logging.getLogger(__name__)

# What drivers raise for a value that cannot be kept: some of it before SQLAlchemy can name it.
_REJECTIONS: Final = (SQLAlchemyError, ValueError, TypeError, OverflowError)

_STOPPED: Final = "the decision log has stopped; restart the service"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A record with the caller that awaits it."""

    record: Record
    future: asyncio.Future[bool]
    loop: asyncio.AbstractEventLoop


class Log:
    """The decision log: one thread writes what every event loop hands it, and resolves each call once it is durable.

    A call that ends in `StoreUnavailable` may or may not have been written (the connection can be lost while the commit
    is under way), but never twice: every record has an id. The next call tries the database afresh.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        log_text: LogText = "none",
        queueing: Queueing | None = None,
        keep_asked: bool = False,
        max_batch: int = 500,
    ) -> None:
        """`keep_asked`: what requests ask for beside their text is kept, so that models can be probed with them."""
        self._engine, self._log_text, self._max_batch = engine, log_text, max_batch
        self._queueing, self._keep_asked = queueing, keep_asked
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._entrance = threading.Lock()
        self._closed = False
        self._writer = threading.Thread(target=self._run, name="decision-log", daemon=True)
        self._writer.start()

    async def decided(self, decision: Decision, /) -> None:
        """Commit a decision; raise `StoreUnavailable`, or `RecordRejected` when its id is known."""
        await self._append(decided(decision, self._log_text, keep_asked=self._keep_asked))

    async def finished(self, outcome: Outcome, /) -> None:
        """Commit how a decision ended, and its place in the review queue, after `decided` returned; raise like it."""
        await self._append(finished(outcome, self._log_text, self._queueing))

    async def feedback(self, feedback: Feedback, /) -> bool:
        """Append feedback; False when its id is known. Raise `UnknownDecision`, or like `decided`."""
        return await self._append(given(feedback, self._log_text))

    def close(self) -> None:
        """Write what waits, then stop; later calls raise `StoreUnavailable`."""
        self._shut()
        self._writer.join()

    async def _append(self, record: Record) -> bool:
        loop = asyncio.get_running_loop()
        waiting = _Waiting(record=record, future=loop.create_future(), loop=loop)
        with self._entrance:
            if self._closed:
                raise StoreUnavailable(_STOPPED)
            self._queue.put(waiting)
        return await waiting.future

    def _shut(self) -> None:
        with self._entrance:
            if not self._closed:
                self._closed = True
                self._queue.put(None)

    def _run(self) -> None:
        batch: list[_Waiting] = []
        try:
            while batch := self._take():
                _settle(batch, self._write(batch))
        finally:
            self._shut()  # whatever ended the thread, nobody may wait for it in vain
            while batch:
                _settle(batch, [StoreUnavailable(_STOPPED) for _ in batch])
                batch = self._take()

    def _take(self) -> list[_Waiting]:
        """Wait for a record and return it with all that queued up meanwhile; nothing once the log is closed."""
        batch: list[_Waiting] = []
        with suppress(Empty):
            while len(batch) < self._max_batch:
                waiting = self._queue.get(block=not batch)
                if waiting is None:
                    self._queue.put(None)
                    break
                batch.append(waiting)
        return batch

    def _write(self, batch: Sequence[_Waiting]) -> list[Result | RouterError]:
        records = [waiting.record for waiting in batch]
        journal = any(record.journals for record in records)
        try:
            try:
                with writing(self._engine, journal=journal) as connection:
                    return [*append(connection, records)]
            except _REJECTIONS:
                with writing(self._engine, journal=journal) as connection:
                    return [_append_alone(connection, record) for record in records]
        except StoreUnavailable as error:
            logger.error("%s record(s) not written: %s", len(records), error)
            return [StoreUnavailable(str(error)) for _ in records]


def _append_alone(connection: Connection, record: Record) -> Result | RouterError:
    """Write one record of a batch that holds a bad one, within a savepoint of its own."""
    try:
        with connection.begin_nested():
            return append(connection, [record])[0]
    except _REJECTIONS as error:
        if isinstance(error, SQLAlchemyError) and is_unavailable(error):
            raise
        logger.error("a record was refused: %s", reason(error))
        return RecordRejected(f"the database refused the record ({reason(error)}); is its id used twice?")


def _settle(batch: Sequence[_Waiting], results: Sequence[Result | RouterError]) -> None:
    """Tell every caller, each in its own event loop, one wake-up a loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[bool], Result | RouterError]]] = defaultdict(
        list
    )
    for waiting, result in zip(batch, results, strict=True):
        by_loop[waiting.loop].append((waiting.future, result))
    for loop, pairs in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            loop.call_soon_threadsafe(_resolve, pairs)


def _resolve(pairs: Sequence[tuple[asyncio.Future[bool], Result | RouterError]]) -> None:
    for future, result in pairs:
        if future.done():  # the caller gave up; what it asked for is written all the same
            continue
        if isinstance(result, RouterError):
            future.set_exception(result)
        else:
            future.set_result(result)
