"""Adds up what was spent on runs beside users' requests; it sets no limit."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Engine, func, select

from bandit_router.store import tables
from bandit_router.store.session import reading
from bandit_router.types import AsideKind

_D: Final = tables.decisions
_O: Final = tables.outcomes


class Spending:
    """The bills of probes and shadows, by all processes on a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def since(self, kind: AsideKind, moment: datetime, /) -> float:
        """Return the USD spent on runs of a kind that began at a moment or later; raise `StoreUnavailable`."""
        return self._sum(_D.c.kind == kind, _D.c.created_at >= moment)

    def of_arm(self, experiment: str, arm: str, moment: datetime, /) -> float:
        """Return the USD spent on one shadow arm's runs that began at a moment or later; raise `StoreUnavailable`."""
        mine = (_D.c.kind == "shadow", _D.c.experiment == experiment, _D.c.arm == arm)
        return self._sum(*mine, _D.c.created_at >= moment)

    def _sum(self, *chosen: ColumnElement[bool]) -> float:
        bills = select(func.sum(_O.c.cost_usd)).join(_D, _D.c.id == _O.c.decision_id)
        # Said twice: the index of what is not served is used only where that is said outright.
        bills = bills.where(_D.c.kind != "served", *chosen)
        with reading(self._engine) as connection:
            return float(connection.scalar(bills) or 0.0)
