"""Events past a cursor are learned, and a new version is published; one learner at a time, by a lease."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Protocol

from apscheduler.schedulers.background import BackgroundScheduler

from bandit_router.errors import CorruptArtifact, RouterError, StoreUnavailable
from bandit_router.protocols import EventSource, Forgetful, Pupil, VersionStore
from bandit_router.types import Event, Version

log = logging.getLogger(__name__)

LEASE = "learner"
LEASE_S = 15.0
FIRST_S = 60.0
BATCHES_PER_TICK = 20
"""Bounds a tick, so that a long backlog is published in parts."""

Load = Callable[[str, Version | None], Pupil]
"""Builds a learning copy of a policy (or of the pacer), from a version or cold."""


class Leases(Protocol):
    """Named leases in the database."""

    def acquire(self, name: str, holder: str, *, ttl_s: float, now: datetime) -> bool:
        """Take or renew a lease; False while somebody else holds it."""

    def release(self, name: str, holder: str) -> object:
        """Give a lease back, if it is held."""


class Journal(EventSource, Protocol):
    """The journal, with its end."""

    def head(self) -> int:
        """Return the newest seq, 0 when there is none."""


class Prunable(VersionStore, Protocol):
    """A version store that can drop old artifacts."""

    def prune(self, policy: str, *, keep: int) -> object:
        """Drop the artifacts of all but the newest `keep` versions."""


@dataclass(slots=True)
class _Copy:
    """A policy being taught, and where it stands."""

    policy: Pupil
    cursor: int
    number: int
    parent: int | None
    events: int


@dataclass(slots=True, kw_only=True)
class Learner:
    """Teaches what learns; `spec_hashes` names it, `holder` is this process's name on the lease."""

    spec_hashes: Mapping[str, str]
    load: Load
    source: Journal
    versions: Prunable
    leases: Leases
    holder: str
    now: Callable[[], datetime]
    batch: int = 500
    keep_versions: int = 50
    from_head: frozenset[str] = frozenset()
    """Those to which what happened before their first version does not matter."""
    _copies: dict[str, _Copy] = field(default_factory=dict)

    def tick(self) -> int:
        """Learn what is new and publish it; return how many events were learned, over all policies.

        Any failure drops the copies in memory, so that the next tick starts from what was published.
        """
        if not self.leads():
            self._copies.clear()
            return 0
        try:
            return sum(self._teach(name) for name in tuple(self.spec_hashes))
        except BaseException:
            self._copies.clear()
            raise

    def tick_safely(self) -> int:
        """Tick, and log any failure instead of raising it: the scheduler's job must go on."""
        try:
            return self.tick()
        except RouterError as error:
            log.warning("the learner waits: %s", error)
            return 0
        except Exception:
            log.exception("the learner's tick failed; the next one starts from the last published version")
            return 0

    def retarget(self, spec_hashes: Mapping[str, str]) -> None:
        """Teach these from the next tick on; what goes on being taught stands where it stood."""
        self.spec_hashes = spec_hashes

    def leads(self) -> bool:
        """Return whether it is this process that learns; raise `StoreUnavailable`."""
        return self.leases.acquire(LEASE, self.holder, ttl_s=LEASE_S, now=self.now())

    def close(self) -> None:
        """Give the lease back, so that another learner need not wait for it to run out."""
        self._copies.clear()
        with suppress(StoreUnavailable):
            self.leases.release(LEASE, self.holder)

    def _teach(self, name: str) -> int:
        copy = self._copies.get(name) or self._open(name)
        learned = 0
        for _ in range(BATCHES_PER_TICK):
            events = self.source.read(copy.cursor, limit=self.batch)
            if not events:
                break
            teach(copy.policy, events)
            copy.cursor = events[-1].seq
            learned += len(events)
        if learned:
            copy.events += learned
            self._publish(name, copy)
        return learned

    def _open(self, name: str) -> _Copy:
        """Return a copy that stands where the newest version stands that can be read, cold when there is none.

        Numbers go on from the newest of all: a version that cannot be read keeps its number.
        """
        number = self.versions.newest_number([name]).get(name, 0)
        version = self.versions.latest(name)
        if version and version.spec_hash != self.spec_hashes[name]:
            log.warning("the spec of %s changed: it starts afresh and learns the whole journal again", name)
            version = None
        while version:
            try:
                policy = self.load(name, version)
            except CorruptArtifact as error:
                log.error("version %s of %s is passed over: %s", version.number, name, error)
                version = self.versions.latest(name, below=version.number)
            else:
                at = _Copy(policy, cursor=version.cursor, number=number, parent=version.number, events=version.events)
                return self._copies.setdefault(name, at)
        start = self.source.head() if name in self.from_head else 0
        cold = _Copy(self.load(name, None), cursor=start, number=number, parent=None, events=0)
        return self._copies.setdefault(name, cold)

    def _publish(self, name: str, copy: _Copy) -> None:
        artifact = copy.policy.dump()
        self.versions.publish(
            Version(
                policy=name,
                number=copy.number + 1,
                artifact=artifact,
                checksum=hashlib.sha256(artifact).hexdigest(),
                cursor=copy.cursor,
                events=copy.events,
                spec_hash=self.spec_hashes[name],
                parent=copy.parent,
                created_at=self.now(),
            )
        )
        copy.number = copy.parent = copy.number + 1
        self.versions.prune(name, keep=self.keep_versions)


def teach(pupil: Pupil, events: Sequence[Event]) -> None:
    """Let a pupil learn events in order, and forget where a model has changed."""
    for changed, run in groupby(events, key=lambda event: event.kind == "changed"):
        if not changed:
            pupil.learn(list(run))
        elif isinstance(pupil, Forgetful):
            for event in run:
                pupil.forget(event.model)


class Schedule:
    """Runs jobs in the background at fixed intervals; each runs alone, and a missed run is made up once.

    A job runs for the first time after its interval, or a minute after the start where that is sooner: a process need
    not live for a week to do what is due weekly.
    """

    def __init__(self, jobs: Mapping[str, tuple[Callable[[], object], float]]) -> None:
        # That a job was still busy when it was due again is no news: it is then run once, later.
        quiet = logging.getLogger(f"{__name__}.schedule")
        quiet.setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(timezone="UTC", logger=quiet)
        for name, (job, seconds) in jobs.items():
            first = datetime.now(UTC) + timedelta(seconds=min(seconds, FIRST_S))
            self._scheduler.add_job(
                job,
                "interval",
                seconds=seconds,
                id=name,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
                next_run_time=first,
            )

    def start(self) -> None:
        """Start running the jobs."""
        self._scheduler.start()

    def stop(self) -> None:
        """Wait for running jobs and start no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
