"""Where a log is: a database or a file, and how its decisions are read; it evaluates nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bandit_router.replay.export import logged
from bandit_router.replay.files import kind_of, read_records, rows_within
from bandit_router.replay.record import Record
from bandit_router.replay.taken import chosen
from bandit_router.replay.work import Piece, pieces_of, pieces_of_file, within
from bandit_router.reward.feedback import combine
from bandit_router.store.events import Events
from bandit_router.store.session import check_schema, open_engine
from bandit_router.store.versions import Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAt:
    """A log by its database's url or its file's path, of decisions made in [since, until); it can be sent to others."""

    place: str
    since: datetime | None = None
    until: datetime | None = None

    @property
    def database(self) -> bool:
        """Whether it is a database."""
        return "://" in self.place

    def versions(self) -> Versions | None:
        """Return what has been learned, where that is kept with the log; raise `ConfigError` or `SchemaOutdated`."""
        if not self.database:
            return None
        engine = open_engine(self.place)
        check_schema(engine)
        return Versions(engine)

    def records(self) -> Iterator[Record]:
        """Yield the decisions that a policy took, in order."""
        if not self.database:
            yield from chosen_ones(within(read_records(Path(self.place)), self.since, self.until))
            return
        engine = open_engine(self.place)
        try:
            yield from chosen_ones(logged(Events(engine, combine=combine), since=self.since, until=self.until))
        finally:
            engine.dispose()

    def pieces(self) -> Iterator[Piece]:
        """Yield the log a piece at a time."""
        if self.database:
            return pieces_of(self.records())
        return pieces_of_file(Path(self.place), since=self.since, until=self.until)

    def longer_than(self, limit: int) -> bool:
        """Return whether there are more decisions than that, at the least cost that can be had."""
        if not self.database and kind_of(Path(self.place)) == "parquet":
            return rows_within(Path(self.place), self.since, self.until) > limit
        return any(number >= limit for number, _ in enumerate(self.records()))


def chosen_ones(records: Iterator[Record]) -> Iterator[Record]:
    """Yield the records that a policy decided."""
    for record in records:
        yield from chosen((record,))
