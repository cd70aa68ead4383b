"""Keeps the models that were added at run time, the state of every model, and each change of it; it calls none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bandit_router.store.rows import Row
from bandit_router.store.session import reading, writing
from bandit_router.store.tables import journal, model_events, models
from bandit_router.types import ModelEvent, ModelRecord

_FIELDS: Final = ("model", "at", "before", "state", "reason", "numbers", "key")


class Roster:
    """What is known of models besides router.toml, one row a model, with its history."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def records(self) -> Sequence[ModelRecord]:
        """Return every model that ever had a state, by name."""
        with reading(self._engine) as connection:
            found = connection.execute(select(models).order_by(models.c.name)).mappings()
            return [_record(dict(row)) for row in found]

    def head(self) -> int:
        """Return the number of the newest event, 0 when there is none; cheap enough to ask every second."""
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.max(model_events.c.id))) or 0)

    def events(self, model: str | None = None, *, limit: int = 100) -> Sequence[ModelEvent]:
        """Return what happened to a model, or to all, the newest first."""
        query = select(model_events).order_by(model_events.c.id.desc()).limit(limit)
        if model is not None:
            query = query.where(model_events.c.model == model)
        with reading(self._engine) as connection:
            found = connection.execute(query).mappings()
            return [ModelEvent(**{name: row[name] for name in _FIELDS}) for row in found]

    def noted(self, reason: str) -> Sequence[ModelEvent]:
        """Return every event that was entered for a reason, the oldest first."""
        query = select(model_events).where(model_events.c.reason == reason).order_by(model_events.c.id)
        with reading(self._engine) as connection:
            found = connection.execute(query).mappings()
            return [ModelEvent(**{name: row[name] for name in _FIELDS}) for row in found]

    def last_change(self, cursor: int, /) -> int:
        """Return the seq of the newest change that learners are told of past a cursor, 0 when there is none."""
        newest = select(func.max(journal.c.seq)).where(journal.c.seq > cursor, journal.c.kind == "changed")
        with reading(self._engine) as connection:
            return int(connection.scalar(newest) or 0)

    def note(self, event: ModelEvent, *, entry: dict[str, object] | None = None) -> bool:
        """Enter an event and bring the model's row to the state after it; False when its key was entered before.

        `entry` is the model's configuration where it is kept here: given once, it stays.
        """
        row: dict[str, object] = {name: getattr(event, name) for name in _FIELDS} | {"numbers": dict(event.numbers)}
        try:
            # Writers take turns as those of the journal do, so that `head` never passes over an event.
            with writing(self._engine, journal=True) as connection:
                connection.execute(insert(model_events), row)
                if event.state is not None:
                    _bring(connection, event, entry)
                if event.changed:
                    _tell_learners(connection, event.model)
        except IntegrityError:  # another process was first
            return False
        return True


def _tell_learners(connection: Connection, model: str) -> None:
    """Enter a change into the journal, after all that is there; before any event there is nothing to forget."""
    newest = select(journal.c.decision_id).order_by(journal.c.seq.desc()).limit(1)
    decision_id = connection.scalar(newest)
    if decision_id is not None:
        row = {"kind": "changed", "decision_id": decision_id, "feedback_id": None, "model": model}
        connection.execute(insert(journal), row)


def _bring(connection: Connection, event: ModelEvent, entry: dict[str, object] | None) -> None:
    row: dict[str, object] = {
        "state": event.state,
        "since": event.at,
        "reason": event.reason,
        "numbers": dict(event.numbers),
    }
    if entry is not None:
        row["entry"] = json.dumps(entry)
    if connection.execute(update(models).where(models.c.name == event.model).values(**row)).rowcount == 0:
        connection.execute(insert(models), {"entry": None, **row, "name": event.model})


def _record(row: Row) -> ModelRecord:
    return ModelRecord(**{**row, "entry": json.loads(row["entry"]) if row["entry"] else None})
