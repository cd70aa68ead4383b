"""Starts, ramps and stops experiments on somebody's word, and reports on them; it decides none of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from bandit_router.errors import ExperimentConflict
from bandit_router.experiment.history import Standing, ended, find, ramped, standings, started
from bandit_router.experiment.load import check_eligible, check_layer, check_policies
from bandit_router.experiment.spec import ExperimentSpec
from bandit_router.experiment.trial import Trial
from bandit_router.gather import Gatherer, Journal, baseline
from bandit_router.steward import Report, report_on
from bandit_router.types import ExperimentEvent

_TRIES: Final = 10
"""A start looks again this often when others change experiments at the same time."""


class History(Protocol):
    """Where what happens to experiments is written."""

    def all(self) -> Sequence[ExperimentEvent]:
        """Return every event."""

    def append(self, event: ExperimentEvent, /, *, after: int | None = None) -> None:
        """Add an event; raise `ExperimentConflict` when another came first, or there are more than `after` by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What people do with experiments.

    `policies`, `categories` and `keys` are the names there are, those of API keys; `now` gives UTC time.
    """

    history: History
    journal: Journal
    policies: Collection[str]
    categories: Callable[[], Collection[str]]
    keys: Callable[[], Collection[str]]
    now: Callable[[], datetime]
    watched: Callable[[Standing], Report | None] = lambda _: None
    """Reports by what has been read already, where somebody here follows the experiment."""

    def all(self) -> Mapping[str, Standing]:
        """Return every experiment there has been."""
        return standings(self.history.all())

    def get(self, name: str) -> Standing:
        """Return one; raise `UnknownExperiment`."""
        return find(self.all(), name)

    def start(self, spec: ExperimentSpec, *, by: str) -> Standing:
        """Start one; raise `ConfigError` for an unknown name or a taken layer, `ExperimentConflict`."""
        check_policies(spec, self.policies)
        check_eligible(spec, categories=self.categories(), keys=self.keys())
        for _ in range(_TRIES):
            events = self.history.all()
            try:
                self.history.append(self._starting(spec, standings(events), by=by), after=len(events))
            except ExperimentConflict:
                # What came in between may be a start in the same layer, or nothing that matters: look again.
                if len(self.history.all()) == len(events):
                    raise
            else:
                return self.get(spec.name)
        raise ExperimentConflict(f"others keep changing experiments; start {spec.name!r} again in a moment")

    def _starting(self, spec: ExperimentSpec, known: Mapping[str, Standing], *, by: str) -> ExperimentEvent:
        now = self.now()
        event = started(spec, known, at=now, by=by)
        check_layer(spec, [each.spec for each in known.values() if each.state(now) in ("running", "scheduled")])
        return event

    def ramp(self, name: str, share: float | None, *, by: str, reason: str = "") -> Standing:
        """Let more units in: the share given, or the next step; raise `ExperimentConflict`, `UnknownExperiment`."""
        return self._done(ramped(self.get(name), share, at=self.now(), by=by, reason=reason))

    def stop(self, name: str, *, by: str, reason: str = "") -> Standing:
        """Give no more units to an experiment; raise `ExperimentConflict` or `UnknownExperiment`."""
        return self._done(ended(self.get(name), at=self.now(), by=by, reason=reason))

    def analyse(self, name: str) -> Report:
        """Say what an experiment's whole log says; raise `UnknownExperiment`."""
        standing = self.get(name)
        if watched := self.watched(standing):
            return watched
        gatherer = Gatherer(standing=standing, journal=self.journal)
        gatherer.read()
        return report_on(standing, gatherer, now=self.now())

    def baseline(self, spec: ExperimentSpec, *, days: float) -> tuple[Trial, float]:
        """Return what was logged in the last days as if all of it were the control's, and the days it spans."""
        return baseline(spec, self.journal, until=self.now(), days=days)

    def _done(self, event: ExperimentEvent) -> Standing:
        self.history.append(event)
        return self.get(event.experiment)
