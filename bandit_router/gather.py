"""Reads what an experiment logged into columns, each request once however often it is told of; it analyses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import numpy as np

from bandit_router.experiment.adjust import Matrix
from bandit_router.experiment.assign import Subject, unit_hash
from bandit_router.experiment.covariates import Expectation, Past, expect
from bandit_router.experiment.history import Standing
from bandit_router.experiment.sample import Vector
from bandit_router.experiment.spec import ExperimentSpec
from bandit_router.experiment.trial import Trial
from bandit_router.reward.utility import reward
from bandit_router.types import Context, Decision, Event, Outcome

PAGE: Final = 1000
PAST_DAYS: Final = 14.0
PAST_MOST: Final = 10_000
"""So many requests from before an experiment are enough to learn what to expect."""
_EMBEDDING_DIMS: Final = 16
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


@dataclass(slots=True, kw_only=True)
class Gatherer:
    """One experiment's log; every reading goes on where the last one ended."""

    standing: Standing
    journal: Journal
    _cursor: int = 0
    _rows: dict[str, Event] = field(default_factory=dict)
    _expectation: Expectation | None = None
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
                self._rows[event.decision.id] = _light(event)
            self._cursor, new = events[-1].seq, new + len(events)
        return new

    def trial(self) -> Trial:
        """Return what has been read."""
        if not self._past_read:
            self._expectation, self._past_read = expect(_past(self.standing, self.journal)), True
        events = list(self._rows.values())
        start = self.standing.started_at
        return to_trial(self.standing.spec, events, start=start, expectation=self._expectation)

    def units_since(self, moment: datetime) -> int:
        """Return how many units the smallest served arm has had since a moment."""
        units: dict[str, set[str]] = {arm.name: set() for arm in self.standing.spec.served}
        for event in self._rows.values():
            decision = event.decision
            if decision.arm in units and decision.unit and decision.created_at >= moment:
                units[decision.arm].add(decision.unit)
        return min(map(len, units.values()))


def to_trial(
    spec: ExperimentSpec, events: Sequence[Event], *, start: datetime, expectation: Expectation | None = None
) -> Trial:
    """Return the events as columns, in the order in which the requests came."""
    arms = {arm.name: number for number, arm in enumerate(spec.served)}
    taken = sorted(
        (event for event in events if event.decision.arm in arms), key=lambda event: event.decision.created_at
    )
    unit = _texts([event.decision.unit or "" for event in taken])
    category = _texts([event.decision.context.category for event in taken])
    stands = [_stands_for(event.outcome) for event in taken]
    features = _features([event.decision.context for event in taken])
    return Trial(
        arm=np.array([arms[event.decision.arm or ""] for event in taken], dtype=np.intp),
        unit=unit,
        day=_floats([(event.decision.created_at - start).total_seconds() / _DAY_S for event in taken]),
        category=category,
        quality=_floats([_judged(event.outcome) for event in taken]),
        offset=_floats([_offset(event) for event in taken]),
        cost_usd=_floats([event.outcome.cost_usd for event in taken]),
        latency_s=_floats([event.outcome.latency_s for event in taken]),
        failed=_floats([event.outcome.status == "failed" for event in taken]),
        refused=_floats([any(j.attempt.status == "refused" for j in event.outcome.history) for event in taken]),
        label=_floats([np.nan if event.feedback is None else event.feedback for event in taken]),
        stand_in_weight=_floats([weight for weight, _ in stands]),
        stand_in_sum=_floats([total for _, total in stands]),
        covariates=expectation.of(features, category, unit) if expectation else np.empty((len(taken), 0)),
    )


def _light(event: Event) -> Event:
    """Drop what is not needed and large."""
    context = event.decision.context
    kept = replace(context, embedding=context.embedding[:_EMBEDDING_DIMS].copy())
    return replace(event, decision=replace(event.decision, context=kept))


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
    events = _logged(journal, since=until - timedelta(days=days), until=until)
    first = min((event.decision.created_at for event in events), default=until)
    taking_part = [
        replace(event, decision=replace(event.decision, arm=spec.control.name, unit=unit))
        for event in events
        if (unit := _past_unit(spec, event.decision))
    ]
    return to_trial(spec, taking_part, start=first), max((until - first).total_seconds() / _DAY_S, 1 / 24)


def _past(standing: Standing, journal: Journal) -> Past:
    """Return what was logged before the experiment."""
    until = standing.started_at
    events = _logged(journal, since=until - timedelta(days=PAST_DAYS), until=until)
    return Past(
        features=_features([event.decision.context for event in events]),
        category=_texts([event.decision.context.category for event in events]),
        unit=_texts([_past_unit(standing.spec, event.decision) for event in events]),
        quality=_floats([_judged(event.outcome) for event in events]),
        offset=_floats([_offset(event) for event in events]),
    )


def _logged(journal: Journal, *, since: datetime, until: datetime) -> list[Event]:
    """Return decisions made within a span that finished, the oldest `PAST_MOST` of them, without their feedback."""
    found: list[Finished] = []
    cursor = 0
    while len(found) < PAST_MOST and (page := journal.finished(cursor, limit=PAGE, since=since, until=until)):
        found += page
        cursor = page[-1].seq
    return [Event(seq=each.seq, kind="finished", decision=each.decision, outcome=each.outcome) for each in found]


def _past_unit(spec: ExperimentSpec, decision: Decision) -> str:
    subject = Subject(request=decision.id, session=decision.session, key=decision.tenant)
    unit = subject.unit(spec.unit)
    return unit_hash(spec, unit) if unit else ""


def _features(contexts: Sequence[Context]) -> Matrix:
    """Return the surface's numbers by name, then the leading ones of the embedding, (n, d)."""
    names = sorted({name for context in contexts for name in context.surface})
    surface = [[context.surface.get(name, 0.0) for name in names] for context in contexts]
    dims = min([_EMBEDDING_DIMS, *(len(context.embedding) for context in contexts)])
    embedding = [context.embedding[:dims] for context in contexts]
    if not contexts:
        return np.empty((0, 0))
    return np.column_stack([np.array(surface, dtype=np.float64), np.array(embedding, dtype=np.float64)])


def _floats(values: Sequence[float]) -> Vector:
    return np.array(values, dtype=np.float64)


def _texts(values: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.str_]]:
    return np.array(values, dtype=np.str_)
