"""Keeps the learned states of policies, immutable and checked; it does not know what is in them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bandit_router.errors import CorruptArtifact, VersionConflict
from bandit_router.store.rows import Row
from bandit_router.store.session import reading, writing
from bandit_router.store.tables import versions
from bandit_router.types import Version

logger = logging.getLogger(__name__)


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

    def prune(self, policy: str, /, *, keep: int) -> int:
        """Drop the artifacts of all but the newest `keep` versions; return how many were dropped."""
        mine = versions.c.policy == policy
        kept = select(versions.c.number).where(mine).order_by(versions.c.number.desc()).limit(keep).subquery()
        oldest = select(func.min(kept.c.number)).scalar_subquery()
        old = update(versions).where(mine, versions.c.number < oldest, versions.c.artifact.is_not(None))
        with writing(self._engine) as connection:
            return connection.execute(old.values(artifact=None)).rowcount

    def _first(self, query: Select[Any]) -> Row | None:
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
            return dict(row) if row else None


def checksum(artifact: bytes) -> str:
    """Return the hex SHA-256 of an artifact."""
    return hashlib.sha256(artifact).hexdigest()
