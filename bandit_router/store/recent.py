"""Keeps for a while what users' requests asked for, so that models can be probed with them; it picks none of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, and_, delete, or_, select

from bandit_router.store import tables, text
from bandit_router.store.rows import Row
from bandit_router.store.session import reading, writing
from bandit_router.store.text import LogText
from bandit_router.types import Asked, Decision, Hints

_A = tables.asked
_P = tables.decisions
_CALL = tables.attempts
_WHO: Final = frozenset({"metadata", "safety_identifier", "user"})
"""Parameters that tell who asks."""
_LIMITS: Final = ("max_cost_usd", "min_quality", "allow", "deny", "region")
"""Hints that say which models may take a request; dials and session are the decision's own."""


def asked_rows(decision: Decision, prompt: str | None, log_text: LogText) -> list[Row]:
    """Return the row of `asked`; none where anything of the request may not be stored as it was sent.

    `prompt` is what is stored of its messages. Who sent it is left out: no model needs that to answer.
    """
    if decision.asked is None:
        return []
    params = {name: value for name, value in decision.asked.params.items() if name not in _WHO}
    if not text.is_whole(list(decision.messages), prompt) or not text.is_whole(params, text.kept(params, log_text)):
        return []
    hints = {name: getattr(decision.asked.hints, name) for name in _LIMITS}
    listed = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in hints.items()}
    return [{"decision_id": decision.id, "created_at": decision.created_at, "params": params, "hints": listed}]


def to_asked(row: Row) -> Asked:
    """Return what a request asked for beside its text."""
    hints: dict[str, Any] = {
        name: frozenset(value) if isinstance(value, list) else value for name, value in row["hints"].items()
    }
    return Asked(params=row["params"], hints=Hints(**hints))


class Recent:
    """What was asked of late, where its text and all else that it asked for is there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def unprobed(self, model: str, /, *, since: datetime, until: datetime, limit: int) -> Sequence[str]:
        """Return the ids of requests made since a moment and finished by another with which a model was never probed.

        Of the newest `limit`, the newest first. One beside which any probe is still under way is not among them.
        Raise `StoreUnavailable`.
        """
        outcomes = tables.outcomes
        kept = select(_A.c.decision_id).join(outcomes, outcomes.c.decision_id == _A.c.decision_id)
        kept = kept.where(_A.c.created_at >= since, outcomes.c.finished_at <= until)
        kept = kept.order_by(_A.c.created_at.desc(), _A.c.decision_id.desc()).limit(limit)
        of_model = or_(_CALL.c.model == model, _CALL.c.model.is_(None))
        probed = select(_P.c.parent).outerjoin(_CALL, and_(_CALL.c.decision_id == _P.c.id, _CALL.c.idx == 0))
        # Said twice: the index of what is not served is used only where that is said outright.
        probed = probed.where(_P.c.kind != "served", _P.c.kind == "probe", _P.c.created_at >= since, of_model)
        with reading(self._engine) as connection:
            taken = set(connection.scalars(probed))
            return [each for each in connection.scalars(kept) if each not in taken]

    def asked(self, decision_id: str, /) -> Asked | None:
        """Return what a request asked for beside its text; None once that is deleted. Raise `StoreUnavailable`."""
        with reading(self._engine) as connection:
            row = connection.execute(select(_A).where(_A.c.decision_id == decision_id)).mappings().first()
        return None if row is None else to_asked(dict(row))

    def forget(self, before: datetime, /) -> int:
        """Delete what was kept of requests made before a moment; return of how many. Raise `StoreUnavailable`."""
        with writing(self._engine) as connection:
            return connection.execute(delete(_A).where(_A.c.created_at < before)).rowcount
