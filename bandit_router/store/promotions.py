"""Keeps which version of each policy serves, and every decision on that; what is decided is others' affair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from bandit_router.errors import PromotionConflict
from bandit_router.store import tables, text
from bandit_router.store.session import reading, writing
from bandit_router.types import Promotion, PromotionKind, Serving

_FIELDS: Final = ("policy", "number", "kind", "at", "by", "reason", "over", "numbers")
_PINNED: Final[Mapping[PromotionKind, bool]] = {"promoted": False, "rolled_back": True, "released": False}
"""What a decision makes of the pin; one that is not here leaves what serves alone."""


class Promotions:
    """The versions that serve, one row a policy, and their history."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def serving(self, policies: Sequence[str] | None = None, /) -> Mapping[str, Serving]:
        """Return what was decided of each policy of which anything was; cheap enough to ask every second."""
        query = select(tables.serving).order_by(tables.serving.c.policy)
        if policies is not None:
            query = query.where(tables.serving.c.policy.in_(policies))
        with reading(self._engine) as connection:
            return {row["policy"]: Serving(**row) for row in connection.execute(query).mappings()}

    def history(self, policy: str | None = None, *, limit: int = 100) -> Sequence[Promotion]:
        """Return the decisions on a policy, or on all, the newest first."""
        query = select(tables.promotions).order_by(tables.promotions.c.id.desc()).limit(limit)
        if policy is not None:
            query = query.where(tables.promotions.c.policy == policy)
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings()
            return [Promotion(**{name: row[name] for name in _FIELDS}) for row in rows]

    def note(self, decision: Promotion, /) -> None:
        """Enter a decision and let its version serve, in one transaction; a refusal changes nothing of what serves.

        Raise `PromotionConflict` where `over` is not what serves any more, or where it is pinned and is not released.
        """
        row: dict[str, Any] = {name: getattr(decision, name) for name in _FIELDS} | {"numbers": dict(decision.numbers)}
        row |= {"by": text.clean(decision.by), "reason": text.clean(decision.reason)}
        try:
            with writing(self._engine) as connection:
                if decision.kind in _PINNED and not _serve(connection, decision, row["reason"]):
                    raise PromotionConflict(
                        f"somebody else changed which version of {decision.policy!r} serves; look at it and try again"
                    )
                connection.execute(insert(tables.promotions), row)
        except IntegrityError as error:
            raise PromotionConflict(
                f"which version of {decision.policy!r} serves was decided just now; look at it and try again"
            ) from error


def _serve(connection: Connection, decision: Promotion, reason: str) -> bool:
    table, pinned = tables.serving, _PINNED[decision.kind]
    values = {"number": decision.number, "pinned": pinned, "since": decision.at, "reason": reason}
    if decision.over is None:
        connection.execute(insert(table), {"policy": decision.policy, **values})
        return True
    mine = update(table).where(table.c.policy == decision.policy, table.c.number == decision.over)
    if decision.kind == "promoted":
        mine = mine.where(table.c.pinned.is_(False))
    return connection.execute(mine.values(values)).rowcount == 1
