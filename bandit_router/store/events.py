"""Reads decisions back, joined with how they ended and what was said of them; what that comes to it is told.

What an event holds depends on its place in the journal and never on when it is read: feedback counts only when it
stands in the journal at or before the event. A learner that starts again from an old cursor sees the same bits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, and_, exists, func, or_, select

from bandit_router.errors import UnknownDecision
from bandit_router.store import rows, tables
from bandit_router.store.rows import Row
from bandit_router.store.session import reading
from bandit_router.types import Decision, DecisionKind, Event, Feedback, Judged, Outcome, Step, only_signs

T = TypeVar("T")

Combine = Callable[[Sequence[Feedback], float | None], float | None]
"""Makes one number in [0, 1] of all that was said of an answer, given the panel's quality; None of nothing."""

_J: Final = tables.journal
_F: Final = tables.feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All that is known of one decision; `prompt` and `answers` hold messages as JSON where text is kept."""

    decision: Decision
    outcome: Outcome | None
    """None while the cascade runs, and when it was cut off."""
    prompt: str | None
    """The whole conversation."""
    answers: tuple[str | None, ...]
    """One message for each attempt."""
    feedback: tuple[Feedback, ...]
    """In the order received, late ones included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A decision that has finished, at its place in the journal, with the places of the feedback that stands there."""

    seq: int
    decision: Decision
    outcome: Outcome
    feedback: tuple[tuple[int | None, Feedback], ...]
    """In the order received; without a place where it came too late to be learned from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a cursor is behind: events not learned, and the age in seconds of the oldest of them."""

    events: int
    seconds: float


class Events:
    """The journal as events; every read is a short transaction of its own."""

    def __init__(self, engine: Engine, *, combine: Combine) -> None:
        self._engine, self._combine = engine, combine

    def read(
        self,
        cursor: int,
        /,
        *,
        limit: int,
        experiment: str | None = None,
        kind: DecisionKind | None = None,
        changes: bool = False,
    ) -> Sequence[Event]:
        """Return the events with `seq > cursor`, oldest first, at most `limit`; raise `StoreUnavailable`.

        All of them, as whoever learns wants them; with a kind only those of its decisions. With the name of an
        experiment only those of requests that take part in it, and of those served unless another kind is asked for.
        With `changes` also those of kind `changed`, which repeat the decision before them.
        """
        conditions = _of(experiment, kind or ("served" if experiment else None))
        chosen = _readable(changes=changes).where(_J.c.seq > cursor, *conditions)
        with reading(self._engine) as connection:
            page = _all(connection, chosen.order_by(_J.c.seq).limit(limit))
            if not page:
                return []
            within = _J.c.seq.between(page[0]["seq"], page[-1]["seq"])
            ids = select(_J.c.decision_id).where(within, *conditions)
            accounts = _Accounts(connection, lambda column: column.in_(ids))
            said = _said(connection, ids, page[-1]["seq"])
        return [_event(row, accounts, said[row["decision_id"]], self._combine) for row in page]

    def finished(
        self,
        cursor: int,
        /,
        *,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
        kind: DecisionKind = "served",
    ) -> Sequence[Finished]:
        """Return decisions made in [since, until) that finished past a cursor, each once, with all said of it so far.

        At most `limit`, in the order of the journal; those made beside users' requests only when they are asked for.
        """
        query = _finishing(kind, since, until).where(_J.c.seq > cursor)
        with reading(self._engine) as connection:
            page = _all(connection, query.order_by(_J.c.seq).limit(limit))
            ids = [row["decision_id"] for row in page]
            accounts = _Accounts(connection, lambda column: column.in_(ids))
            said = _placed(connection, ids)
        return [_finished(row, accounts, said[row["decision_id"]]) for row in page]

    def tail(self, count: int, /, *, since: datetime | None = None, until: datetime | None = None) -> int:
        """Return the cursor past which the last `count` of users' requests made in [since, until) finished."""
        newest = _finishing("served", since, until).order_by(_J.c.seq.desc())
        with reading(self._engine) as connection:
            return int(connection.scalar(newest.offset(count).limit(1)) or 0)

    def deciding(self, cursor: int, /) -> frozenset[str]:
        """Return the policies that decided users' requests that finished past a cursor."""
        query = _finishing("served", None, None).where(_J.c.seq > cursor)
        with reading(self._engine) as connection:
            return frozenset(connection.scalars(query.with_only_columns(tables.decisions.c.policy).distinct()))

    def decision(self, decision_id: str, /) -> Account:
        """Return all that is known of a decision; raise `UnknownDecision` or `StoreUnavailable`."""
        if not decision_id.isprintable():  # no id is like that, and drivers choke on some of it
            raise UnknownDecision(decision_id)
        with reading(self._engine) as connection:
            accounts = _Accounts(connection, lambda column: column == decision_id)
            said = select(_F).where(_F.c.decision_id == decision_id).order_by(_F.c.received_at, _F.c.id)
            feedback = tuple(map(rows.to_feedback, _all(connection, said)))
            beside = select(tables.shadows).where(tables.shadows.c.decision_id == decision_id)
            shadows = tuple(map(rows.to_shadow, _all(connection, beside.order_by(tables.shadows.c.arm))))
        found = accounts.account(decision_id, feedback)
        return replace(found, decision=replace(found.decision, shadows=shadows)) if shadows else found

    def head(self) -> int:
        """Return the seq of the newest event, 0 before any."""
        with reading(self._engine) as connection:
            newest = _readable().order_by(_J.c.seq.desc()).limit(1)
            return int(connection.scalar(newest.with_only_columns(_J.c.seq)) or 0)

    def lag(self, cursor: int, /, *, now: datetime) -> Lag:
        """Return how far a learner at `cursor` is behind."""
        behind = _readable().where(_J.c.seq > cursor)
        happened = func.coalesce(_F.c.received_at, tables.outcomes.c.finished_at, type_=tables.Utc())
        with reading(self._engine) as connection:
            count = connection.scalar(select(func.count()).select_from(behind.subquery())) or 0
            since = connection.scalar(
                behind.with_only_columns(happened)
                .select_from(_J)
                .join(tables.outcomes, tables.outcomes.c.decision_id == _J.c.decision_id)
                .outerjoin(_F, _F.c.id == _J.c.feedback_id)
                .order_by(_J.c.seq)
                .limit(1)
            )
        return Lag(events=count, seconds=max(0.0, (now - since).total_seconds()) if since else 0.0)


class _Accounts:
    """The decisions that a condition on their id selects, read with a constant number of queries."""

    def __init__(self, connection: Connection, chosen: Callable[[ColumnElement[str]], ColumnElement[bool]]) -> None:
        def of(table: Table, *order: str) -> list[Row]:
            query = select(table).where(chosen(table.c.decision_id))
            return _all(connection, query.order_by(*(table.c[name] for name in order)))

        self._decisions = {
            row["id"]: row for row in _all(connection, select(tables.decisions).where(chosen(tables.decisions.c.id)))
        }
        self._outcomes = {row["decision_id"]: row for row in of(tables.outcomes)}
        self._steps: Mapping[str, list[Step]] = _grouped(of(tables.steps, "idx"), rows.to_step)
        self._attempts: Mapping[str, list[Row]] = _grouped(of(tables.attempts, "idx"), lambda row: row)
        self._verdicts: Mapping[str, list[Row]] = _grouped(of(tables.judgements, "attempt_idx", "idx"), lambda row: row)

    def decision(self, decision_id: str) -> Decision:
        """Return a decision; raise `UnknownDecision`."""
        row = self._decisions.get(decision_id)
        if row is None:
            raise UnknownDecision(decision_id)
        return rows.to_decision(row, self._steps[decision_id][0])

    def outcome(self, decision_id: str) -> Outcome | None:
        """Return how a decision ended; None before."""
        row = self._outcomes.get(decision_id)
        return None if row is None else rows.to_outcome(row, self._steps[decision_id], self._history(decision_id))

    def account(self, decision_id: str, feedback: tuple[Feedback, ...]) -> Account:
        """Return all of it; raise `UnknownDecision`."""
        return Account(
            decision=self.decision(decision_id),
            outcome=self.outcome(decision_id),
            prompt=self._decisions[decision_id]["prompt"],
            answers=tuple(row["answer"] for row in self._attempts[decision_id]),
            feedback=feedback,
        )

    def _history(self, decision_id: str) -> list[Judged]:
        verdicts = self._verdicts[decision_id]
        return [
            rows.to_judged(row, [verdict for verdict in verdicts if verdict["attempt_idx"] == row["idx"]])
            for row in self._attempts[decision_id]
        ]


def _of(experiment: str | None, kind: DecisionKind | None) -> list[ColumnElement[bool]]:
    """Return the conditions on the journal that leave only decisions of an experiment, and of a kind."""
    if experiment is None and kind is None:
        return []
    chosen = select(tables.decisions.c.id)
    if experiment is not None:
        chosen = chosen.where(tables.decisions.c.experiment == experiment)
    if kind is not None:
        chosen = chosen.where(tables.decisions.c.kind == kind)
    return [_J.c.decision_id.in_(chosen)]


def _readable(*, changes: bool = False) -> Select[Any]:
    """Select the journal, but for feedback that came before its decision had finished: `finished` carries that."""
    done = _J.alias("done")
    finished = exists().where(done.c.decision_id == _J.c.decision_id, done.c.kind == "finished", done.c.seq < _J.c.seq)
    told = and_(_J.c.kind == "feedback", finished)
    changed = [_J.c.kind == "changed"] if changes else []
    columns = select(_J.c.seq, _J.c.kind, _J.c.decision_id, _J.c.model)
    return columns.where(or_(_J.c.kind == "finished", told, *changed))


def _finishing(kind: DecisionKind, since: datetime | None, until: datetime | None) -> Select[Any]:
    """Select where in the journal decisions of a kind that were made in [since, until) finished."""
    made = tables.decisions.c.created_at
    query = select(_J.c.seq, _J.c.decision_id).join(tables.decisions, tables.decisions.c.id == _J.c.decision_id)
    query = query.where(_J.c.kind == "finished", tables.decisions.c.kind == kind)
    return query.where(*([made >= since] if since else []), *([made < until] if until else []))


def _said(connection: Connection, ids: Select[Any], last: int) -> Mapping[str, list[tuple[int, Feedback]]]:
    """Return each decision's feedback with its seq, in the order of the journal up to `last`."""
    query = (
        select(_J.c.seq, _F, tables.reviews.c.reason.label("queued_for"))
        .join(_F, _F.c.id == _J.c.feedback_id)
        .outerjoin(tables.reviews, and_(tables.reviews.c.decision_id == _F.c.decision_id, _F.c.kind == "review"))
        .where(_J.c.decision_id.in_(ids), _J.c.kind == "feedback", _J.c.seq <= last)
        .order_by(_J.c.seq)
    )
    return _grouped(_all(connection, query), lambda row: (row["seq"], rows.to_feedback(row)))


def _placed(connection: Connection, ids: Sequence[str]) -> Mapping[str, list[tuple[int | None, Feedback]]]:
    """Return each decision's feedback with its seq, in the order received."""
    place = _J.alias("place")
    query = select(_F, place.c.seq.label("place")).outerjoin(place, place.c.feedback_id == _F.c.id)
    query = query.where(_F.c.decision_id.in_(ids)).order_by(_F.c.received_at, _F.c.id)
    return _grouped(_all(connection, query), lambda row: (row["place"], rows.to_feedback(row)))


def _finished(row: Row, accounts: _Accounts, said: Sequence[tuple[int | None, Feedback]]) -> Finished:
    outcome = accounts.outcome(row["decision_id"])
    assert outcome is not None, "the journal holds only what finished"
    decision = accounts.decision(row["decision_id"])
    return Finished(seq=row["seq"], decision=decision, outcome=outcome, feedback=tuple(said))


def _event(row: Row, accounts: _Accounts, said: Sequence[tuple[int, Feedback]], combine: Combine) -> Event:
    outcome = accounts.outcome(row["decision_id"])
    assert outcome is not None, "the journal holds only what finished"
    decision = accounts.decision(row["decision_id"])
    if row["kind"] == "changed":
        return Event(seq=row["seq"], kind="changed", decision=decision, outcome=outcome, model=row["model"])
    heard = [feedback for seq, feedback in said if seq <= row["seq"] and not feedback.late]
    return Event(
        seq=row["seq"],
        kind=row["kind"],
        decision=decision,
        outcome=outcome,
        feedback=combine(heard, outcome.quality),
        signs_only=only_signs(heard),
        heard=tuple(heard),
    )


def _all(connection: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _grouped(found: Sequence[Row], build: Callable[[Row], T]) -> Mapping[str, list[T]]:
    grouped: dict[str, list[T]] = defaultdict(list)
    for row in found:
        grouped[row["decision_id"]].append(build(row))
    return grouped
