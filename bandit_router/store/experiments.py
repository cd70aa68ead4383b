"""Keeps what happens to experiments, in order and for ever; what follows from it is for others to say."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import IntegrityError

from bandit_router.errors import ExperimentConflict
from bandit_router.store import text
from bandit_router.store.session import reading, writing
from bandit_router.store.tables import experiment_events
from bandit_router.types import ExperimentEvent


class ExperimentEvents:
    """The history of all experiments."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, event: ExperimentEvent, /, *, after: int | None = None) -> None:
        """Add an event; raise `ExperimentConflict` when another with its number came first.

        With `after` also when there are more events by now, of whichever experiment, than so many.
        """
        row = {name: getattr(event, name) for name in experiment_events.c.keys()}  # noqa: SIM118 (not a dict)
        row |= {"by": text.clean(event.by), "reason": text.clean(event.reason)}
        try:
            # Taking turns with every other writer, so that what is counted is still so at the commit.
            with writing(self._engine, journal=True) as connection:
                if after is not None and _count(connection) > after:
                    raise _conflict(event)
                connection.execute(insert(experiment_events), row)
        except IntegrityError as error:
            raise _conflict(event) from error

    def all(self) -> Sequence[ExperimentEvent]:
        """Return every event, each experiment's in order, those started first first."""
        table = experiment_events
        with reading(self._engine) as connection:
            rows = connection.execute(select(table).order_by(table.c.at, table.c.experiment, table.c.number)).mappings()
            return [ExperimentEvent(**row) for row in rows]

    def count(self) -> int:
        """Return how many events there are; cheap enough to ask every second."""
        with reading(self._engine) as connection:
            return _count(connection)


def _count(connection: Connection) -> int:
    return int(connection.scalar(select(func.count()).select_from(experiment_events)) or 0)


def _conflict(event: ExperimentEvent) -> ExperimentConflict:
    return ExperimentConflict(
        f"somebody else changed experiment {event.experiment!r}, or another, at the same time; look at it and try again"
    )
