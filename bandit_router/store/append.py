"""Writes a batch of records within one transaction; when to commit and whom to tell is for the log to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Table, func, insert, select

from bandit_router.errors import UnknownDecision
from bandit_router.store import rows, tables
from bandit_router.store.recent import asked_rows
from bandit_router.store.rows import Row
from bandit_router.store.text import LogText
from bandit_router.types import AUDIT, Decision, Feedback, Outcome

Result = bool | UnknownDecision
"""What became of a record: True when it was written, False when it was known already."""

_ORDER: Final = (
    tables.decisions,
    tables.asked,
    tables.steps,
    tables.shadows,
    tables.attempts,
    tables.judgements,
    tables.outcomes,
)
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Queueing:
    """What queues answers for review: `why` gives the reason or None, `daily_limit` holds for a day in UTC.

    Of a day's places `for_audits` are kept for the answers that chance picks, so that doubts leave room for them.
    """

    why: Callable[[Outcome], str | None]
    daily_limit: int
    reviewers: int
    for_audits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What one call of the log wants written: rows by table, or one row of feedback."""

    rows: Mapping[Table, Sequence[Row]] = field(default_factory=dict)
    finished: str | None = None
    """The decision that this record finishes."""
    feedback: Row | None = None
    review: Row | None = None
    """The decision's place in the review queue, if the day's limit leaves one."""
    reviews_a_day: int = 0
    doubts_a_day: int = 0
    """Of these, for all reasons but chance."""

    @property
    def journals(self) -> bool:
        """True when the record may enter the journal."""
        return self.finished is not None or self.feedback is not None


def decided(decision: Decision, log_text: LogText, *, keep_asked: bool = False) -> Record:
    """Return the record of a decision and its first step; with `keep_asked` also what it asked for beside its text."""
    row = rows.decision_row(decision, log_text)
    return Record(
        rows={
            tables.decisions: [row],
            tables.asked: asked_rows(decision, row["prompt"], log_text) if keep_asked else [],
            tables.steps: [rows.step_row(decision.id, decision.step)],
            tables.shadows: rows.shadow_rows(decision),
        }
    )


def finished(outcome: Outcome, log_text: LogText, queueing: Queueing | None = None) -> Record:
    """Return the record of an outcome; its first step is there since it was decided."""
    of, why = outcome.decision_id, queueing.why(outcome) if queueing else None
    verdicts = [row for judged in outcome.history for row in rows.judgement_rows(of, judged, log_text)]
    return Record(
        rows={
            tables.steps: [rows.step_row(of, step) for step in outcome.steps if step.index > 0],
            tables.attempts: [rows.attempt_row(of, judged, log_text) for judged in outcome.history],
            tables.judgements: verdicts,
            tables.outcomes: [rows.outcome_row(outcome)],
        },
        finished=of,
        review=rows.review_row(outcome, why, wanted=queueing.reviewers) if queueing and why else None,
        reviews_a_day=queueing.daily_limit if queueing else 0,
        doubts_a_day=queueing.daily_limit - queueing.for_audits if queueing else 0,
    )


def given(feedback: Feedback, log_text: LogText) -> Record:
    """Return the record of feedback."""
    return Record(feedback=rows.feedback_row(feedback, log_text))


def append(connection: Connection, records: Sequence[Record]) -> list[Result]:
    """Write the records and say what became of each; the journal gets them in the order given."""
    for table in _ORDER:
        _insert(connection, table, [row for record in records for row in record.rows.get(table, ())])
    for record in records:
        _queue(connection, record)
    results = _append_feedback(connection, records)
    _insert(connection, tables.journal, list(_journal_rows(records, results)))
    return results


def _append_feedback(connection: Connection, records: Sequence[Record]) -> list[Result]:
    """Write the feedback whose id is new; its writers take turns, so none can slip in between look and write."""
    asked = [record.feedback for record in records if record.feedback is not None]
    decisions = _existing(connection, tables.decisions, [row["decision_id"] for row in asked])
    known = _existing(connection, tables.feedback, [row["id"] for row in asked])
    results: list[Result] = []
    fresh: list[Row] = []
    for record in records:
        row = record.feedback
        if row is None:
            results.append(True)
        elif row["decision_id"] not in decisions:
            results.append(UnknownDecision(row["decision_id"]))
        else:
            results.append(row["id"] not in known)
            fresh += [row] if row["id"] not in known else []
            known.add(row["id"])
    _insert(connection, tables.feedback, fresh)
    return results


def _queue(connection: Connection, record: Record) -> None:
    """Queue a user's answer for review while the day's limit leaves room: writers take turns, as the journal's do."""
    if record.review is None or not _is_served(connection, record.review["decision_id"]):
        return
    day = _day(record.review["queued_at"])
    queued, doubted = tables.reviews.c.queued_at, tables.reviews.c.reason != AUDIT
    today = select(func.count()).where(queued >= day, queued < day + timedelta(days=1))
    full = (connection.scalar(today) or 0) >= record.reviews_a_day
    if not full and record.review["reason"] != AUDIT:
        full = (connection.scalar(today.where(doubted)) or 0) >= record.doubts_a_day
    if not full:
        _insert(connection, tables.reviews, [record.review])


def _is_served(connection: Connection, decision_id: str) -> bool:
    decisions = tables.decisions
    return connection.scalar(select(decisions.c.kind).where(decisions.c.id == decision_id)) == "served"


def _day(moment: datetime) -> datetime:
    """Return the start of a moment's day in UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _journal_rows(records: Sequence[Record], results: Sequence[Result]) -> Iterable[Row]:
    """Yield what learners are to see: not what is known already, and not what came too late to be learned from."""
    for record, result in zip(records, results, strict=True):
        row = record.feedback
        if record.finished is not None:
            yield {"kind": "finished", "decision_id": record.finished, "feedback_id": None}
        elif row is not None and result is True and not row["late"]:
            yield {"kind": "feedback", "decision_id": row["decision_id"], "feedback_id": row["id"]}


def _existing(connection: Connection, table: Table, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(ids), _CHUNK):
        found.update(connection.scalars(select(table.c.id).where(table.c.id.in_(ids[start : start + _CHUNK]))))
    return found


def _insert(connection: Connection, table: Table, new: Sequence[Row]) -> None:
    if new:
        connection.execute(insert(table), new)
