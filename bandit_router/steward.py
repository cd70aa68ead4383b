"""Watches over running experiments: analyses them, takes the next step of a ramp, rolls back what is broken."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Final, Protocol

from bandit_router.errors import ExperimentConflict, RouterError
from bandit_router.experiment.analyse import Analysis, analyse
from bandit_router.experiment.history import Standing, ended, ramped, standings
from bandit_router.experiment.verdict import Move, Verdict, move, verdict
from bandit_router.gather import Gatherer, Journal
from bandit_router.types import ExperimentEvent

log = logging.getLogger(__name__)

AUTOMATIC: Final = "automatic"
"""Who changed an experiment when nobody did."""
_GROWTH: Final = 1.02
"""An analysis is worth doing again once there are so many times as many requests, or things said of them."""


class History(Protocol):
    """Where what happens to experiments is written."""

    def all(self) -> Sequence[ExperimentEvent]:
        """Return every event."""

    def append(self, event: ExperimentEvent, /) -> None:
        """Add an event; raise `ExperimentConflict` when another came first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An experiment, what its log says, and what to do about it."""

    standing: Standing
    analysis: Analysis
    verdict: Verdict
    at: datetime


@dataclass(slots=True, kw_only=True)
class _Watch:
    """One experiment as this process follows it; what was read of it when it was reported on, and looked at last."""

    gatherer: Gatherer
    report: Report | None = None
    reported: tuple[int, ...] = ()
    looked: tuple[int, ...] = (0, 0, 0)

    @property
    def grown(self) -> bool:
        """Return whether there is enough more of anything than at the last look."""
        pairs = zip(self.gatherer.seen, self.looked, strict=True)
        return any(now > before and now >= _GROWTH * before for now, before in pairs)

    def read(self, standing: Standing) -> None:
        """Take in what is new of the experiment as it stands."""
        self.gatherer.standing = standing
        self.gatherer.read()

    def up_to_date(self, now: datetime) -> Report:
        """Return the report on all that has been read."""
        if self.report is None or self.reported != self.gatherer.seen:
            self.report, self.reported = report_on(self.gatherer.standing, self.gatherer, now=now), self.gatherer.seen
        return replace(self.report, standing=self.gatherer.standing, at=now)


@dataclass(slots=True, kw_only=True)
class Steward:
    """Looks after experiments; `turn` says whether this process is to, `now` gives UTC time."""

    history: History
    journal: Journal
    turn: Callable[[], bool]
    now: Callable[[], datetime]
    newest: Mapping[str, Report] = field(default_factory=dict)
    """The latest report on each running experiment that this process looks after."""
    _watches: dict[str, _Watch] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    """Held by whoever reads or analyses: the scheduler's thread, or one that answers an administrator."""

    def reports(self) -> Sequence[Report]:
        """Return the latest reports."""
        return tuple(self.newest.values())

    def report(self, standing: Standing) -> Report | None:
        """Return a report by all that is logged, without reading again what has been read; None for no such watch."""
        with self._lock:
            watch = self._watches.get(standing.spec.name)
            if watch is None:
                return None
            watch.read(standing)
            return watch.up_to_date(self.now())

    def tick_safely(self) -> None:
        """Tick, and log what goes wrong: the scheduler's job must go on, and so must the other experiments."""
        with self._logging("the look at the experiments failed"):
            for name, standing in self._followed().items():
                with self._logging("the look at experiment %s failed; the next one starts afresh", name):
                    self._look(standing)

    def tick(self) -> None:
        """Look at every running experiment in which enough is new, and act on those that act by themselves."""
        for standing in self._followed().values():
            self._look(standing)

    @contextmanager
    def _logging(self, failed: str, *names: str) -> Iterator[None]:
        try:
            yield
        except RouterError as error:
            log.warning("experiments wait: %s", error)
        except Exception:
            log.exception(failed, *names)
            for name in names:
                self._watches.pop(name, None)

    def _followed(self) -> Mapping[str, Standing]:
        """Return the experiments that this process is to look after, and forget all others."""
        found = standings(self.history.all()) if self.turn() else {}
        followed = {name: each for name, each in found.items() if each.open}
        with self._lock:
            self._watches = {name: each for name, each in self._watches.items() if name in followed}
            self.newest = {name: each for name, each in self.newest.items() if name in followed}
        return followed

    def _look(self, standing: Standing) -> None:
        name = standing.spec.name
        with self._lock:
            fresh = _Watch(gatherer=Gatherer(standing=standing, journal=self.journal))
            watch = self._watches.setdefault(name, fresh)
            watch.read(standing)
            if not watch.grown:
                return
            report = watch.up_to_date(self.now())
            self.newest = {**self.newest, name: report}
            if standing.spec.automatic:
                self._act(standing, report.analysis, watch.gatherer)
            watch.looked = watch.gatherer.seen

    def _act(self, standing: Standing, analysis: Analysis, gatherer: Gatherer) -> None:
        units = gatherer.units_since(standing.stepped_at)
        wanted = move(analysis, share=standing.share, units_at_step=units)
        if wanted is None:
            return
        try:
            self.history.append(_event(standing, wanted, self.now()))
        except ExperimentConflict as error:
            log.info("%s", error)  # somebody was faster; the next look starts from what they did
        else:
            log.warning("experiment %s: %s to %.0f %%: %s", standing.spec.name, wanted.kind, 100 * wanted.share,
                        wanted.reason)  # fmt: skip


def report_on(standing: Standing, gatherer: Gatherer, *, now: datetime) -> Report:
    """Return what is to be said of an experiment by what has been gathered."""
    analysis = analyse(standing.spec, *gatherer.trial())
    return Report(standing=standing, analysis=analysis, verdict=verdict(analysis), at=now)


def _event(standing: Standing, wanted: Move, now: datetime) -> ExperimentEvent:
    if wanted.kind == "ramp":
        return ramped(standing, wanted.share, at=now, by=AUTOMATIC, reason=wanted.reason)
    return ended(standing, at=now, by=AUTOMATIC, reason=wanted.reason, broken=True)
