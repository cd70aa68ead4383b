"""Keeps the bearer keys of clients as hashes; it knows nothing of requests."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, insert, select, update

from bandit_router.store.session import reading, writing
from bandit_router.store.tables import keys

PREFIX: Final = "br-"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """What is known of a key; `value_usd` and `value_s` are its holder's dials, None for the service's."""

    id: str
    name: str
    created_at: datetime
    revoked_at: datetime | None
    value_usd: float | None
    value_s: float | None = None
    admin: bool = False


_INFO: Final = tuple(keys.c[field.name] for field in fields(KeyInfo))


class Keys:
    """The keys that clients may send."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self,
        name: str,
        *,
        now: datetime,
        value_usd: float | None = None,
        value_s: float | None = None,
        admin: bool = False,
    ) -> str:
        """Make a key and return it: this once, as only its hash is kept."""
        plaintext = PREFIX + secrets.token_urlsafe(32)
        digest = _hash(plaintext)
        row = {"id": digest[:12], "name": name, "hash": digest, "created_at": now}
        row |= {"value_usd": value_usd, "value_s": value_s, "admin": admin}
        with writing(self._engine) as connection:
            connection.execute(insert(keys), row)
        return plaintext

    def verify(self, plaintext: str) -> KeyInfo | None:
        """Return whose key this is; None when it is unknown or revoked."""
        query = select(*_INFO).where(keys.c.hash == _hash(plaintext), keys.c.revoked_at.is_(None))
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        return KeyInfo(**row) if row else None

    def update(self, key_id: str, **changes: float | bool) -> bool:
        """Change the dials of a valid key, or whether it is an administrator's; False when there is none."""
        valid = update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None))
        with writing(self._engine) as connection:
            return connection.execute(valid.values(changes)).rowcount == 1

    def revoke(self, key_id: str, *, now: datetime) -> bool:
        """End a key by its id; False when there is none, or it is revoked already."""
        valid = update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None))
        with writing(self._engine) as connection:
            return connection.execute(valid.values(revoked_at=now)).rowcount == 1

    def list(self) -> Sequence[KeyInfo]:
        """Return every key there was, oldest first."""
        with reading(self._engine) as connection:
            found = connection.execute(select(*_INFO).order_by(keys.c.created_at, keys.c.id)).mappings()
            return [KeyInfo(**row) for row in found]

    def names(self) -> Sequence[str]:
        """Return the names of the keys that are valid."""
        return [key.name for key in self.list() if key.revoked_at is None]


def _hash(plaintext: str) -> str:
    return hashlib.sha256(plaintext.encode("utf-8", "surrogatepass")).hexdigest()
