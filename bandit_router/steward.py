"""Watches over running experiments: analyses them, takes the next step of a ramp, rolls back what is broken."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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
"""An analysis is worth doing again once there are so many times as many requests."""


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
class Steward:
    """Looks after experiments; `turn` says whether this process is to, `now` gives UTC time."""

    history: History
    journal: Journal
    turn: Callable[[], bool]
    now: Callable[[], datetime]
    newest: Mapping[str, Report] = field(default_factory=dict)
    """The latest report on each running experiment that this process looks after."""
    _gatherers: dict[str, Gatherer] = field(default_factory=dict)
    _looked: dict[str, float] = field(default_factory=dict)

    def reports(self) -> Sequence[Report]:
        """Return the latest reports."""
        return tuple(self.newest.values())

    def tick_safely(self) -> None:
        """Tick, and log what goes wrong: the scheduler's job must go on."""
        try:
            self.tick()
        except RouterError as error:
            log.warning("experiments wait: %s", error)
        except Exception:
            log.exception("the look at the experiments failed; the next one starts afresh")
            self._gatherers.clear()

    def tick(self) -> None:
        """Look at every running experiment in which enough is new, and act on those that act by themselves."""
        if not self.turn():
            self._gatherers.clear()
            self.newest = {}
            return
        found = {name: each for name, each in standings(self.history.all()).items() if each.open}
        self._gatherers = {name: each for name, each in self._gatherers.items() if name in found}
        self.newest = {name: each for name, each in self.newest.items() if name in found}
        for name, standing in found.items():
            self._look(name, standing)

    def _look(self, name: str, standing: Standing) -> None:
        gatherer = self._gatherers.setdefault(name, Gatherer(standing=standing, journal=self.journal))
        gatherer.standing = standing
        gatherer.read()
        if gatherer.size < _GROWTH * self._looked.get(name, 0) or not gatherer.size:
            return
        self._looked[name] = gatherer.size
        report = report_on(standing, gatherer, now=self.now())
        self.newest = {**self.newest, name: report}
        if standing.spec.automatic:
            self._act(standing, report.analysis, gatherer)

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
