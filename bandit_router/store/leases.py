"""Lets one process at a time hold a role, by a row in the database; what the role does is the holder's affair."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, or_, update
from sqlalchemy.exc import IntegrityError

from bandit_router.store.session import writing
from bandit_router.store.tables import leases


class Leases:
    """Roles held for a time; a holder that stops renewing loses its role."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def acquire(self, name: str, holder: str, *, ttl_s: float, now: datetime) -> bool:
        """Take a role that is free, expired or held already; False when another holds it."""
        until = now + timedelta(seconds=ttl_s)
        free = or_(leases.c.holder == holder, leases.c.expires_at <= now)
        take = update(leases).where(leases.c.name == name, free).values(holder=holder, expires_at=until)
        try:
            with writing(self._engine) as connection:
                if connection.execute(take).rowcount == 0:
                    connection.execute(insert(leases).values(name=name, holder=holder, expires_at=until))
        except IntegrityError:  # the row is there, and it is another's
            return False
        return True

    def release(self, name: str, holder: str) -> None:
        """Give a role up; nothing happens when another holds it."""
        with writing(self._engine) as connection:
            connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))
