"""Keeps the queue of answers that people are to grade, who has which, and what they said; it picks no answer.

It holds no text of its own: question and answer are the decision's, as far as `log_text` lets them be kept. A grade
enters the journal as feedback of kind `review`, in the transaction that ends the reviewer's turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from bandit_router.errors import ReviewConflict, UnknownReview
from bandit_router.store import tables
from bandit_router.store.append import append, given
from bandit_router.store.session import reading, writing
from bandit_router.store.text import LogText, clean, remark
from bandit_router.types import Feedback, Grade

Status = Literal["open", "done", "expired"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)

_Q: Final = tables.reviews
_T: Final = tables.review_turns
_GRADED: Final = _T.c.state == "graded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One answer in the queue; `wanted` reviewers are to grade it, `grades` have."""

    decision_id: str
    reason: str
    queued_at: datetime
    wanted: int
    escalated: bool
    done_at: datetime | None
    tenant: str
    category: str
    model: str | None
    quality: float | None
    grades: int
    expired: bool
    """It has waited for too long."""

    @property
    def status(self) -> Status:
        """Whether it waits for a grade."""
        if self.done_at is not None:
            return "done"
        return "expired" if self.expired else "open"


class Reviews:
    """The queue. Its writers take turns, so that no two reviewers get the last place on one item."""

    def __init__(self, engine: Engine, *, log_text: LogText, keep: timedelta) -> None:
        """`keep` says how long an item waits; after that it is handed out no more."""
        self._engine, self._log_text, self._keep = engine, log_text, keep

    def list(
        self, *, now: datetime, status: Status | None = None, reason: str | None = None, limit: int = 100
    ) -> Sequence[Item]:
        """Return items in the order in which they are handed out, at most `limit`."""
        query = self._items(now).order_by(
            _Q.c.done_at.is_not(None), _Q.c.escalated.desc(), _Q.c.queued_at, _Q.c.decision_id
        )
        if status is not None:
            waiting, expired = _Q.c.done_at.is_(None), self._expired(now)
            are = {"open": and_(waiting, ~expired), "done": ~waiting, "expired": and_(waiting, expired)}
            query = query.where(are[status])
        if reason is not None:
            query = query.where(_Q.c.reason == reason)
        with reading(self._engine) as connection:
            return [Item(**row) for row in connection.execute(query.limit(limit)).mappings()]

    def open(self, *, now: datetime) -> int:
        """Return how many items wait for a grade."""
        query = select(func.count()).select_from(_Q).where(_Q.c.done_at.is_(None), ~self._expired(now))
        with reading(self._engine) as connection:
            return int(connection.scalar(query) or 0)

    def claim(
        self,
        reviewer: str,
        *,
        now: datetime,
        hold: timedelta,
        reason: str | None = None,
        decision_id: str | None = None,
    ) -> Item | None:
        """Hand an item to a reviewer until it is graded or `hold` is over; None when there is none for them.

        What they hold already comes first, then what was escalated, then the oldest. Nobody gets an item again that
        they have graded, skipped or escalated.
        """
        reviewer = clean(reviewer)
        free = _taken(reviewer, now) < _Q.c.wanted
        query = self._items(now).where(_Q.c.done_at.is_(None), ~self._expired(now), ~_ended_by(reviewer), free)
        if reason is not None:
            query = query.where(_Q.c.reason == reason)
        if decision_id is not None:
            query = query.where(_Q.c.decision_id == decision_id)
        held = _turn(reviewer, _T.c.state == "claimed").desc()
        query = query.order_by(held, _Q.c.escalated.desc(), _Q.c.queued_at, _Q.c.decision_id).limit(1)
        with writing(self._engine, journal=True) as connection:
            row = connection.execute(query).mappings().first()
            if row is None:
                return None
            _drop_claim(connection, row["decision_id"], reviewer)
            turn = {"decision_id": row["decision_id"], "reviewer": reviewer, "state": "claimed"}
            connection.execute(insert(_T), turn | {"expires_at": now + hold})
        return Item(**row)

    def release(self, decision_id: str, reviewer: str) -> None:
        """Give an item back that was claimed, for anybody to take; nothing happens when it was not."""
        with writing(self._engine, journal=True) as connection:
            _drop_claim(connection, decision_id, clean(reviewer))

    def grade(self, reviewer: str, feedback: Feedback, /) -> None:
        """End a reviewer's turn with a grade, which is feedback of kind `review` on the item's decision.

        Raise `UnknownReview` when it is not in the queue, `ReviewConflict` when the reviewer does not hold it.
        """
        reviewer, of, now = clean(reviewer), feedback.decision_id, feedback.received_at
        with writing(self._engine, journal=True) as connection:
            _check_held(connection, of, reviewer, now)
            append(connection, [given(feedback, self._log_text)])
            _end(connection, of, reviewer, state="graded", ended_at=now, score=feedback.score, feedback_id=feedback.id)
            full = select(func.count()).where(_T.c.decision_id == of, _GRADED).scalar_subquery() >= _Q.c.wanted
            connection.execute(update(_Q).where(_Q.c.decision_id == of, full).values(done_at=now))

    def pass_on(
        self, decision_id: str, reviewer: str, *, now: datetime, escalate: bool = False, comment: str | None = None
    ) -> None:
        """End a reviewer's turn without a grade: skipped, or escalated, and then it goes to others before all else.

        Raise like `grade`.
        """
        reviewer, state = clean(reviewer), "escalated" if escalate else "skipped"
        with writing(self._engine, journal=True) as connection:
            _check_held(connection, decision_id, reviewer, now)
            said = remark(comment, self._log_text)
            _end(connection, decision_id, reviewer, state=state, ended_at=now, comment=said)
            if escalate:
                connection.execute(update(_Q).where(_Q.c.decision_id == decision_id).values(escalated=True))

    def notes(self, decision_id: str) -> Sequence[str]:
        """Return what was said by those who escalated an item."""
        said = select(_T.c.comment).where(_T.c.decision_id == decision_id, _T.c.comment.is_not(None))
        with reading(self._engine) as connection:
            return list(connection.scalars(said.order_by(_T.c.ended_at)))

    def grades(self) -> Sequence[Grade]:
        """Return every grade given, oldest first."""
        query = (
            select(_T.c.decision_id, _T.c.reviewer, _T.c.score, _Q.c.reason, tables.outcomes.c.quality)
            .join(_Q, _Q.c.decision_id == _T.c.decision_id)
            .join(tables.outcomes, tables.outcomes.c.decision_id == _T.c.decision_id)
            .where(_GRADED)
            .order_by(_T.c.ended_at, _T.c.decision_id, _T.c.reviewer)
        )
        with reading(self._engine) as connection:
            return [Grade(**row) for row in connection.execute(query).mappings()]

    def _items(self, now: datetime) -> Select[Any]:
        return _items(self._expired(now))

    def _expired(self, now: datetime) -> ColumnElement[bool]:
        return _Q.c.queued_at < now - self._keep


def _items(expired: ColumnElement[bool]) -> Select[Any]:
    """Select the queue, with what tells one item from another."""
    attempts, outcomes, decisions = tables.attempts, tables.outcomes, tables.decisions
    graded = select(func.count()).where(_T.c.decision_id == _Q.c.decision_id, _GRADED).scalar_subquery()
    served = and_(attempts.c.decision_id == _Q.c.decision_id, attempts.c.idx == outcomes.c.served)
    return (
        select(
            *(_Q, decisions.c.tenant, decisions.c.category, attempts.c.model, outcomes.c.quality),
            *(graded.label("grades"), expired.label("expired")),
        )
        .join(decisions, decisions.c.id == _Q.c.decision_id)
        .join(outcomes, outcomes.c.decision_id == _Q.c.decision_id)
        .outerjoin(attempts, served)
    )


def _turn(reviewer: str, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(_T.c.decision_id == _Q.c.decision_id, _T.c.reviewer == reviewer, *conditions)


def _ended_by(reviewer: str) -> ColumnElement[bool]:
    return _turn(reviewer, _T.c.state != "claimed")


def _taken(reviewer: str, now: datetime) -> ColumnElement[int]:
    """Count the places on an item that others have filled, or hold by a claim that has not expired."""
    live = and_(_T.c.state == "claimed", _T.c.expires_at > now, _T.c.reviewer != reviewer)
    return select(func.count()).where(_T.c.decision_id == _Q.c.decision_id, or_(_GRADED, live)).scalar_subquery()


def _check_held(connection: Connection, decision_id: str, reviewer: str, now: datetime) -> None:
    """Raise unless a reviewer has claimed an item and, once the claim has expired, a place on it is still free."""
    held, free = _turn(reviewer, _T.c.state == "claimed"), _taken(reviewer, now) < _Q.c.wanted
    row = connection.execute(select(held.label("held"), free.label("free")).where(_Q.c.decision_id == decision_id))
    found = row.mappings().first()
    if found is None:
        raise UnknownReview(decision_id)
    if not found["held"]:
        raise ReviewConflict(f"{reviewer} does not hold decision {decision_id}: claim it first, and grade it once only")
    if not found["free"]:
        raise ReviewConflict(
            f"the claim of decision {decision_id} has expired and somebody else took it; claim another"
        )


def _end(connection: Connection, decision_id: str, reviewer: str, **values: object) -> None:
    turn = update(_T).where(_T.c.decision_id == decision_id, _T.c.reviewer == reviewer)
    connection.execute(turn.values(expires_at=None, **values))


def _drop_claim(connection: Connection, decision_id: str, reviewer: str) -> None:
    mine = and_(_T.c.decision_id == decision_id, _T.c.reviewer == reviewer, _T.c.state == "claimed")
    connection.execute(delete(_T).where(mine))
