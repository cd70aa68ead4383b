"""Adds up what was spent on runs beside users' requests; it sets no limit."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, func, select

from bandit_router.store import tables
from bandit_router.store.session import reading
from bandit_router.types import AsideKind


class Spending:
    """The bills of probes and shadows, by all processes on a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def since(self, kind: AsideKind, moment: datetime, /) -> float:
        """Return the USD spent on runs of a kind that began at a moment or later; raise `StoreUnavailable`."""
        decisions, outcomes = tables.decisions, tables.outcomes
        bills = select(func.sum(outcomes.c.cost_usd)).join(decisions, decisions.c.id == outcomes.c.decision_id)
        # Said twice: the index of what is not served is used only where that is said outright.
        bills = bills.where(decisions.c.kind != "served", decisions.c.kind == kind, decisions.c.created_at >= moment)
        with reading(self._engine) as connection:
            return float(connection.scalar(bills) or 0.0)
