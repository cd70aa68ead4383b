"""Reads a service's database as records, a page at a time; it writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bandit_router.replay.record import Record, Said
from bandit_router.store.events import Events

PAGE = 500


def logged(
    events: Events,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: int = 0,
    page: int = PAGE,
) -> Iterator[Record]:
    """Yield decisions made in [since, until) that finished past a cursor, in the order of the journal.

    Raise `StoreUnavailable`.
    """
    while found := events.finished(cursor, limit=page, since=since, until=until):
        for one in found:
            said = tuple(Said(seq=seq, feedback=feedback) for seq, feedback in one.feedback)
            yield Record(seq=one.seq, decision=one.decision, outcome=one.outcome, feedback=said)
        cursor = found[-1].seq
