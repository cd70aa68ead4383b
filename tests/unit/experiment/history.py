"""A history of experiments in memory, and journals to read, for tests; it tests nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from bandit_router.errors import ExperimentConflict, StoreUnavailable
from bandit_router.experiment.spec import ExperimentSpec
from bandit_router.types import Event, ExperimentEvent, Outcome
from tests.factories import START, make_event

ARMS: tuple[dict[str, Any], ...] = (
    {"name": "old", "policy": "a", "control": True, "learn_from": "all"},
    {"name": "new", "policy": "b"},
)


def make_spec(**changes: Any) -> ExperimentSpec:
    """Return an experiment of two arms."""
    return ExperimentSpec.model_validate({"name": "trial", "arms": ARMS} | changes)


def start(spec: ExperimentSpec | None = None, **changes: Any) -> ExperimentEvent:
    """Return the event that starts an experiment."""
    spec = spec or make_spec()
    given = {"experiment": spec.name, "number": 1, "kind": "started", "share": spec.ramp[0], "at": START, "by": "ann"}
    return ExperimentEvent(**given | {"spec": spec.model_dump(mode="json")} | changes)


@dataclass
class Remembered:
    """What happened, in memory."""

    events: list[ExperimentEvent] = field(default_factory=list)
    down: bool = False

    def append(self, event: ExperimentEvent, /, *, after: int | None = None) -> None:
        if after is not None and len(self.events) > after:
            raise ExperimentConflict("somebody was faster")
        if any((known.experiment, known.number) == (event.experiment, event.number) for known in self.events):
            raise ExperimentConflict("somebody was faster")
        self.events.append(event)

    def all(self) -> Sequence[ExperimentEvent]:
        return list(self.events)

    def count(self) -> int:
        if self.down:
            raise StoreUnavailable("down")
        return len(self.events)


@dataclass
class Journal:
    """Events in memory."""

    events: list[Event] = field(default_factory=list)

    def read(
        self, cursor: int, /, *, limit: int, experiment: str | None = None, kind: str | None = "served"
    ) -> Sequence[Event]:
        mine = [e for e in self.events if e.seq > cursor and e.decision.experiment == experiment]
        return [e for e in mine if e.decision.kind == kind][:limit]

    def finished(self, cursor: int, /, *, limit: int, since: Any = None, until: Any = None) -> Sequence[Event]:
        made = [e for e in self.events if since <= e.decision.created_at < until]
        return [e for e in made if e.seq > cursor and e.kind == "finished"][:limit]

    def tail(self, count: int, /, *, since: Any, until: Any) -> int:
        ended = self.finished(0, limit=len(self.events), since=since, until=until)
        return ended[-count - 1].seq if len(ended) > count else 0


def taking_part(number: int, arm: str, *, unit: str | None = None, **changes: Any) -> Event:
    """Return event `number` of a request in an arm; `changes` go to its outcome."""
    event = make_event(number, **changes)
    unit = f"{number:016x}" if unit is None else unit
    return replace(event, decision=replace(event.decision, experiment="trial", arm=arm, unit=unit))


def failing(event: Event) -> Event:
    """Return the event as one in which no model answered."""
    outcome: Outcome = replace(event.outcome, status="failed", served=None)
    return replace(event, outcome=outcome)


def at(event: Event, seconds: float) -> Event:
    """Return the event as one of a decision made so many seconds after the start."""
    return replace(event, decision=replace(event.decision, created_at=START + timedelta(seconds=seconds)))
