"""Reads what an experiment logged into columns, each request once however often it is told of; it analyses nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from bandit_router.experiment.assign import Subject, unit_hash
from bandit_router.experiment.covariates import Past, Requests, expected, learn
from bandit_router.experiment.history import Standing
from bandit_router.experiment.sample import Vector
from bandit_router.experiment.spec import ExperimentSpec
from bandit_router.experiment.trial import Trial
from bandit_router.reward.utility import reward
from bandit_router.types import Decision, Event, Outcome

Texts = NDArray[np.str_]

PAGE: Final = 1000
PAST_DAYS: Final = 14.0
PAST_MOST: Final = 10_000
"""So many of the newest requests from before an experiment are enough to learn what to expect."""
EMBEDDING_DIMS: Final = 64
"""More of an embedding says hardly more, and there may be very many requests."""
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

    def read(self, cursor: int, /, *, limit: int, experiment: str | None = None) -> Sequence[Event]:
        """Return the events past a cursor, of one experiment's requests alone."""

    def finished(
        self, cursor: int, /, *, limit: int, since: datetime | None = None, until: datetime | None = None
    ) -> Sequence[Finished]:
        """Return decisions made within [since, until) that finished past a cursor."""

    def tail(self, count: int, /, *, since: datetime, until: datetime) -> int:
        """Return the cursor past which at most `count` decisions made within [since, until) finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the analysis needs of one request; a hundredth of its event, as there may be very many."""

    arm: str
    unit: str
    at: datetime
    category: str
    surface: Mapping[str, float]
    embedding: NDArray[np.float32]
    quality: float
    offset: float
    cost_usd: float
    latency_s: float
    failed: bool
    refused: bool
    label: float
    stand_in_weight: float
    stand_in_sum: float


@dataclass(slots=True, kw_only=True)
class Gatherer:
    """One experiment's log; every reading goes on where the last one ended."""

    standing: Standing
    journal: Journal
    _cursor: int = 0
    _rows: dict[str, Row] = field(default_factory=dict)
    _prior: _Prior | None = None
    _past_read: bool = False

    @property
    def size(self) -> int:
        """How many requests have been read."""
        return len(self._rows)

    def read(self) -> int:
        """Take in what is new; return how many events that were."""
        new = 0
        while events := self.journal.read(self._cursor, limit=PAGE, experiment=self.standing.spec.name):
            for event in events:
                # Later events repeat the decision with the feedback known by then.
                self._rows[event.decision.id] = to_row(event)
            self._cursor, new = events[-1].seq, new + len(events)
        return new

    def trial(self) -> Trial:
        """Return what has been read."""
        if not self._past_read:
            self._prior, self._past_read = _learned(self.standing, self.journal), True
        rows, start = list(self._rows.values()), self.standing.started_at
        trial, taken = to_trial(self.standing.spec, rows, start=start)
        prior = self._prior or _Prior(shape=_shape(taken))
        return replace(trial, covariates=expected(prior.shape.requests(taken), prior.past))

    def units_since(self, moment: datetime) -> int:
        """Return how many units the smallest served arm has had since a moment."""
        units: dict[str, set[str]] = {arm.name: set() for arm in self.standing.spec.served}
        for row in self._rows.values():
            if row.arm in units and row.at >= moment:
                units[row.arm].add(row.unit)
        return min(map(len, units.values()))


def to_row(event: Event) -> Row:
    """Return what is needed of an event."""
    decision, outcome = event.decision, event.outcome
    weight, total = _stands_for(outcome)
    return Row(
        arm=decision.arm or "",
        unit=decision.unit or "",
        at=decision.created_at,
        category=decision.context.category,
        surface=decision.context.surface,
        embedding=decision.context.embedding[:EMBEDDING_DIMS].astype(np.float32),
        quality=_judged(outcome),
        offset=_offset(event),
        cost_usd=outcome.cost_usd,
        latency_s=outcome.latency_s,
        failed=outcome.status == "failed",
        refused=any(judged.attempt.status == "refused" for judged in outcome.history),
        label=np.nan if event.feedback is None else event.feedback,
        stand_in_weight=weight,
        stand_in_sum=total,
    )


def to_trial(spec: ExperimentSpec, rows: Sequence[Row], *, start: datetime) -> tuple[Trial, list[Row]]:
    """Return the rows of served arms as columns without covariates, and as rows, in the order the requests came."""
    arms = {arm.name: number for number, arm in enumerate(spec.served)}
    taken = sorted((row for row in rows if row.arm in arms), key=lambda row: row.at)
    trial = Trial(
        arm=np.array([arms[row.arm] for row in taken], dtype=np.intp),
        unit=_texts([row.unit for row in taken]),
        day=_floats([(row.at - start).total_seconds() / _DAY_S for row in taken]),
        category=_texts([row.category for row in taken]),
        quality=_floats([row.quality for row in taken]),
        offset=_floats([row.offset for row in taken]),
        cost_usd=_floats([row.cost_usd for row in taken]),
        latency_s=_floats([row.latency_s for row in taken]),
        failed=_floats([row.failed for row in taken]),
        refused=_floats([row.refused for row in taken]),
        label=_floats([row.label for row in taken]),
        stand_in_weight=_floats([row.stand_in_weight for row in taken]),
        stand_in_sum=_floats([row.stand_in_sum for row in taken]),
        covariates=np.empty((len(taken), 0)),
    )
    return trial, taken


def _judged(outcome: Outcome) -> float:
    """Return what the judges said of the answer served; 0 where none was."""
    if outcome.served is None:
        return 0.0
    return np.nan if outcome.quality is None else outcome.quality


def _offset(event: Event) -> float:
    """Return what the request cost in units of the dial: its reward, were the answer half good, less that half."""
    told = reward(replace(event, feedback=0.5))
    return (told or 0.0) - (0.0 if event.outcome.served is None else 0.5)


def _stands_for(outcome: Outcome) -> tuple[float, float]:
    """Return for how many answers that were not judged those judged here stand, and the sum of their qualities."""
    weight = total = 0.0
    for step, judged in zip(outcome.steps, outcome.history, strict=False):
        asked = step.judge_propensity
        if judged.quality is not None and 0 < asked < 1:
            weight += (1 - asked) / asked
            total += (1 - asked) / asked * judged.quality
    return weight, total


def baseline(spec: ExperimentSpec, journal: Journal, *, until: datetime, days: float) -> tuple[Trial, float]:
    """Return what was logged in the days before a moment as if all of it were the control's, and the days it spans."""
    rows = _logged(spec, journal, since=until - timedelta(days=days), until=until)
    first = min((row.at for row in rows), default=until)
    mine = [replace(row, arm=spec.control.name) for row in rows if row.unit]
    return to_trial(spec, mine, start=first)[0], max((until - first).total_seconds() / _DAY_S, 1 / 24)


def _learned(standing: Standing, journal: Journal) -> _Prior | None:
    """Return what was to be expected by what was logged before the experiment; None when that is too little."""
    until = standing.started_at
    rows = _logged(standing.spec, journal, since=until - timedelta(days=PAST_DAYS), until=until)
    shape = _shape(rows)
    past = learn(shape.requests(rows))
    return _Prior(shape=shape, past=past) if past else None


def _logged(spec: ExperimentSpec, journal: Journal, *, since: datetime, until: datetime) -> list[Row]:
    """Return decisions made within a span that finished, the newest of them, by the units they would have been of."""
    rows: list[Row] = []
    cursor = journal.tail(PAST_MOST, since=since, until=until)
    while page := journal.finished(cursor, limit=PAGE, since=since, until=until):
        for each in page:
            event = Event(seq=each.seq, kind="finished", decision=each.decision, outcome=each.outcome)
            rows.append(replace(to_row(event), unit=_past_unit(spec, each.decision)))
        cursor = page[-1].seq
    return rows


def _past_unit(spec: ExperimentSpec, decision: Decision) -> str:
    subject = Subject(request=decision.id, session=decision.session, key=decision.tenant)
    unit = subject.unit(spec.unit)
    return unit_hash(spec, unit) if unit else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """Which numbers of a context are looked at; those that a request lacks are 0."""

    names: tuple[str, ...] = ()
    dims: int = 0

    def requests(self, rows: Sequence[Row]) -> Requests:
        """Return the requests as columns: the surface's numbers by name, the leading ones of the embedding."""
        surface, embedding = np.zeros((len(rows), len(self.names))), np.zeros((len(rows), self.dims))
        for number, row in enumerate(rows):
            surface[number] = [row.surface.get(name, 0.0) for name in self.names]
            leading = row.embedding[: self.dims]
            embedding[number, : len(leading)] = leading
        return Requests(
            surface=surface,
            embedding=embedding,
            category=_texts([row.category for row in rows]),
            unit=_texts([row.unit for row in rows]),
            quality=_floats([row.quality for row in rows]),
            offset=_floats([row.offset for row in rows]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prior:
    """What contexts have, and what came before the experiment, where that is enough to learn from."""

    shape: _Shape
    past: Past | None = None


def _shape(rows: Sequence[Row]) -> _Shape:
    """Return what the contexts of these requests have."""
    names = {name for row in rows for name in row.surface}
    return _Shape(names=tuple(sorted(names)), dims=max((len(row.embedding) for row in rows), default=0))


def _floats(values: Sequence[float]) -> Vector:
    return np.array(values, dtype=np.float64)


def _texts(values: Sequence[str]) -> Texts:
    return np.array(values, dtype=np.str_)
