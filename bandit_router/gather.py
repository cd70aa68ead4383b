"""Reads what an experiment logged into columns, each request once however often it is told of; it analyses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import numpy as np

from bandit_router.experiment.assign import Subject, eligible, unit_hash
from bandit_router.experiment.covariates import Past, expected, learn
from bandit_router.experiment.history import Standing
from bandit_router.experiment.shadow import Runs, as_covariates
from bandit_router.experiment.spec import ArmSpec, ExperimentSpec, Labels
from bandit_router.experiment.trial import Trial
from bandit_router.gather_rows import Row, Shape, shape_of, to_row, to_trial
from bandit_router.policy.load import PINNED
from bandit_router.types import Decision, DecisionKind, Event, Outcome

PAGE: Final = 1000
PAST_DAYS: Final = 14.0
PAST_MOST: Final = 10_000
"""So many of the newest requests from before an experiment are enough to learn what to expect."""
_DAY_S: Final = 24 * 3600.0


class Finished(Protocol):
    """A decision that has finished."""

    @property
    def seq(self) -> int:
        """Its place in the journal."""

    @property
    def decision(self) -> Decision:
        """The decision."""

    @property
    def outcome(self) -> Outcome:
        """How it ended."""


class Journal(Protocol):
    """Where events are read."""

    def read(
        self, cursor: int, /, *, limit: int, experiment: str | None = None, kind: DecisionKind | None = None
    ) -> Sequence[Event]:
        """Return the events past a cursor, of one experiment's requests alone, or of its shadows."""

    def finished(
        self, cursor: int, /, *, limit: int, since: datetime | None = None, until: datetime | None = None
    ) -> Sequence[Finished]:
        """Return decisions made within [since, until) that finished past a cursor."""

    def tail(self, count: int, /, *, since: datetime, until: datetime) -> int:
        """Return the cursor past which at most `count` decisions made within [since, until) finished."""


@dataclass(slots=True)
class _Read:
    """What has been read of one kind of decisions."""

    kind: DecisionKind
    labels: Labels
    rows: dict[str, Row] = field(default_factory=dict)
    events: int = 0
    """How many have been read; each after a request's first repeats it with what has been said of it since."""
    _cursor: int = 0

    def on(self, journal: Journal, experiment: str) -> int:
        """Take in what is new; return how many events that were."""
        new = 0
        while events := journal.read(self._cursor, limit=PAGE, experiment=experiment, kind=self.kind):
            for event in events:
                # Later events repeat the decision with the feedback known by then.
                self.rows[event.decision.id] = to_row(event, self.labels)
            self._cursor, new = events[-1].seq, new + len(events)
            self.events += len(events)
        return new


@dataclass(slots=True, kw_only=True)
class Gatherer:
    """One experiment's log; every reading goes on where the last one ended."""

    standing: Standing
    journal: Journal
    _served: _Read = field(init=False)
    _shadows: _Read = field(init=False)
    _prior: _Prior | None = None
    _past_read: bool = False

    def __post_init__(self) -> None:
        """Begin with nothing read."""
        labels = self.standing.spec.labels
        self._served, self._shadows = _Read("served", labels), _Read("shadow", labels)

    @property
    def seen(self) -> tuple[int, int, int]:
        """How many requests have been read, how many events repeated one, and how many were of shadows."""
        requests = len(self._served.rows)
        return requests, self._served.events - requests, self._shadows.events

    def read(self) -> int:
        """Take in what is new; return how many events that were."""
        spec = self.standing.spec
        return self._served.on(self.journal, spec.name) + (
            self._shadows.on(self.journal, spec.name) if spec.called else 0
        )

    def trial(self) -> tuple[Trial, Runs | None]:
        """Return what has been read of requests, and of the shadows that were called beside them."""
        if not self._past_read:
            self._prior, self._past_read = _learned(self.standing, self.journal), True
        spec, start = self.standing.spec, self.standing.started_at
        trial, taken = to_trial(_names(spec.served), self._served.rows.values(), start=start)
        prior = self._prior or _Prior(shape=shape_of(taken))
        known = [expected(prior.shape.requests(taken), prior.past)]
        runs = self._runs(taken) if spec.called else None
        if runs:
            known.append(as_covariates(spec, trial, runs))
        return replace(trial, covariates=np.column_stack(known)), runs

    def _runs(self, taken: Sequence[Row]) -> Runs:
        place = {row.id: number for number, row in enumerate(taken)}
        mine = [row for row in self._shadows.rows.values() if row.parent in place]
        rows, runs = to_trial(_names(self.standing.spec.called), mine, start=self.standing.started_at)
        return Runs(rows=rows, parent=np.array([place[row.parent or ""] for row in runs], dtype=np.intp))

    def units_since(self, moment: datetime) -> int:
        """Return how many units the smallest served arm has had since a moment."""
        units: dict[str, set[str]] = {arm.name: set() for arm in self.standing.spec.served}
        for row in self._served.rows.values():
            if row.arm in units and row.at >= moment:
                units[row.arm].add(row.unit)
        return min(map(len, units.values()))


def baseline(spec: ExperimentSpec, journal: Journal, *, until: datetime, days: float) -> tuple[Trial, float]:
    """Return what was logged in the days before a moment as if all of it were the control's, and the days it spans.

    Only what could have taken part, as far as the log says: it does not hold the region that a request asked for.
    """
    logged = _logged(spec, journal, since=until - timedelta(days=days), until=until)
    first = min((row.at for row, _ in logged), default=until)
    mine = [replace(row, arm=spec.control.name) for row, could in logged if could and row.unit]
    return to_trial([spec.control.name], mine, start=first)[0], max((until - first).total_seconds() / _DAY_S, 1 / 24)


def _learned(standing: Standing, journal: Journal) -> _Prior | None:
    """Return what was to be expected by what was logged before the experiment; None when that is too little."""
    until = standing.started_at
    rows = [row for row, _ in _logged(standing.spec, journal, since=until - timedelta(days=PAST_DAYS), until=until)]
    shape = shape_of(rows)
    past = learn(shape.requests(rows))
    return _Prior(shape=shape, past=past) if past else None


def _logged(spec: ExperimentSpec, journal: Journal, *, since: datetime, until: datetime) -> list[tuple[Row, bool]]:
    """Return decisions made within a span that finished, the newest of them, and whether they could have taken part.

    Their units are those they would have been of; none where the request does not name it.
    """
    rows: list[tuple[Row, bool]] = []
    anywhere = spec.eligible.model_copy(update={"regions": ()})
    cursor = journal.tail(PAST_MOST, since=since, until=until)
    while page := journal.finished(cursor, limit=PAGE, since=since, until=until):
        for each in page:
            event = Event(seq=each.seq, kind="finished", decision=each.decision, outcome=each.outcome)
            subject = _subject(each.decision)
            row = replace(to_row(event), unit=_past_unit(spec, subject))
            rows.append((row, each.decision.policy != PINNED and eligible(anywhere, subject)))
        cursor = page[-1].seq
    return rows


def _subject(decision: Decision) -> Subject:
    return Subject(
        request=decision.id,
        session=decision.session,
        user=decision.user_hash,
        key=decision.tenant,
        category=decision.context.category,
    )


def _past_unit(spec: ExperimentSpec, subject: Subject) -> str:
    unit = subject.unit(spec.unit)
    return unit_hash(spec, unit) if unit else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prior:
    """What contexts have, and what came before the experiment, where that is enough to learn from."""

    shape: Shape
    past: Past | None = None


def _names(arms: Sequence[ArmSpec]) -> list[str]:
    return [arm.name for arm in arms]
