"""Keeps the learned states of policies, immutable and checked; it does not know what is in them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bandit_router.errors import CorruptArtifact, UnknownVersion, VersionConflict
from bandit_router.store.rows import Row
from bandit_router.store.session import reading, writing
from bandit_router.store.tables import serving, versions
from bandit_router.types import Version

logger = logging.getLogger(__name__)

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_MONTH: Final = 30 * _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A version whose state is there, without the state."""

    number: int
    events: int
    cursor: int
    created_at: datetime


class Versions:
    """The version store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def publish(self, version: Version, /) -> None:
        """Make a version visible to every process.

        Raise `VersionConflict` when another learner published the number first, `CorruptArtifact` when the checksum is
        not the artifact's.
        """
        if checksum(version.artifact) != version.checksum:
            raise CorruptArtifact(f"{version.policy} version {version.number} does not match its checksum")
        row = {name: getattr(version, name) for name in versions.c.keys()}  # noqa: SIM118 (not a dict)
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(versions), row)
        except IntegrityError as error:
            raise VersionConflict(
                f"{version.policy} version {version.number} was published by another learner; "
                "acquire the lease again and go on from its version"
            ) from error

    def latest(self, policy: str, /, *, below: int | None = None) -> Version | None:
        """Return the newest version, numbered under `below`, whose artifact matches its checksum.

        Say so in the log when one does not.
        """
        query = select(versions).where(versions.c.policy == policy, versions.c.artifact.is_not(None))
        query = query.order_by(versions.c.number.desc()).limit(1)
        number = below
        while row := self._first(query if number is None else query.where(versions.c.number < number)):
            if checksum(row["artifact"]) == row["checksum"]:
                return Version(**row)
            number = row["number"]
            logger.error("%s version %s does not match its checksum; trying the one before", policy, number)
        return None

    def newest_number(self, policies: Sequence[str], /) -> Mapping[str, int]:
        """Return the newest number of each policy that has one; cheap enough to ask every second."""
        query = select(versions.c.policy, func.max(versions.c.number)).where(versions.c.policy.in_(policies))
        with reading(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(query.group_by(versions.c.policy))}

    def numbers(self) -> Mapping[str, int]:
        """Return the newest number of everything that learned anything, by name."""
        query = select(versions.c.policy, func.max(versions.c.number)).group_by(versions.c.policy)
        with reading(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(query.order_by(versions.c.policy))}

    def numbered(self, policy: str, number: int, /) -> Version:
        """Return a version; raise `UnknownVersion` where there is none or its state is no longer kept or sound."""
        row = self._first(select(versions).where(versions.c.policy == policy, versions.c.number == number))
        if row is None or row["artifact"] is None or checksum(row["artifact"]) != row["checksum"]:
            what = "there is none" if row is None else "its state is not kept any more, or is damaged"
            raise UnknownVersion(
                f"version {number} of {policy!r} cannot serve: {what}; `policies versions` lists those"
            )
        return Version(**row)

    def kept(self, policy: str, /) -> Sequence[Kept]:
        """Return the versions whose state is still there, the newest first."""
        with reading(self._engine) as connection:
            query = _kept(versions.c.policy == policy)
            return [Kept(**row) for row in connection.execute(query).mappings()]

    def prune(self, policy: str, /, *, keep: int) -> int:
        """Drop old states; return how many were dropped.

        Kept are the newest `keep`, the one that serves, and of those before one an hour for a day and one
        a day for a month: there is always something to go back to.
        """
        mine = versions.c.policy == policy
        with writing(self._engine) as connection:
            found = [Kept(**row) for row in connection.execute(_kept(mine)).mappings()]
            if len(found) <= keep:
                return 0
            served = connection.scalars(select(serving.c.number).where(serving.c.policy == policy)).all()
            gone = thinned(found, keep=keep, spared=frozenset(served))
            for number in gone:
                connection.execute(update(versions).where(mine, versions.c.number == number).values(artifact=None))
        return len(gone)

    def _first(self, query: Select[Any]) -> Row | None:
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
            return dict(row) if row else None


def thinned(found: Sequence[Kept], *, keep: int, spared: frozenset[int]) -> list[int]:
    """Return the numbers to drop of versions, the newest first: all but what `Versions.prune` says is kept."""
    newest, gone = found[0].created_at, []
    seen: set[tuple[str, int]] = set()
    for place, each in enumerate(found):
        seconds = (newest - each.created_at).total_seconds()
        slot = (
            ("hour", int(each.created_at.timestamp() // _HOUR))
            if seconds < _DAY
            else ("day", int(each.created_at.timestamp() // _DAY))
        )
        first = slot not in seen and seconds < _MONTH
        seen.add(slot)
        if place >= keep and not first and each.number not in spared:
            gone.append(each.number)
    return gone


def _kept(mine: ColumnElement[bool]) -> Select[Any]:
    columns = (versions.c.number, versions.c.events, versions.c.cursor, versions.c.created_at)
    return select(*columns).where(mine, versions.c.artifact.is_not(None)).order_by(versions.c.number.desc())


def checksum(artifact: bytes) -> str:
    """Return the hex SHA-256 of an artifact."""
    return hashlib.sha256(artifact).hexdigest()
