"""Where experiments stand, by what happened to them; it stores nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import ValidationError

from bandit_router.errors import ExperimentConflict, UnknownExperiment
from bandit_router.experiment.assign import Running
from bandit_router.experiment.spec import ExperimentSpec
from bandit_router.types import ExperimentEvent

State = Literal["scheduled", "running", "ended", "stopped", "rolled back"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One experiment as it was started, and all that happened to it."""

    spec: ExperimentSpec
    events: tuple[ExperimentEvent, ...]

    @property
    def share(self) -> float:
        """Return which share of the eligible units takes part, while it runs."""
        return self.events[-1].share

    @property
    def open(self) -> bool:
        """Return whether nobody has ended it."""
        return self.events[-1].kind in ("started", "ramped")

    @property
    def started_at(self) -> datetime:
        """Return when it first could take a unit."""
        asked, begun = self.spec.start, self.events[0].at
        return max(asked, begun) if asked else begun

    @property
    def stepped_at(self) -> datetime:
        """Return when the last step of the ramp was taken."""
        return max(self.events[-1].at, self.started_at)

    def state(self, now: datetime) -> State:
        """Return where it stands in a word."""
        if not self.open:
            return "rolled back" if self.events[-1].kind == "rolled_back" else "stopped"
        if now < self.started_at:
            return "scheduled"
        return "ended" if self.spec.end and self.spec.end <= now else "running"


def standings(events: Iterable[ExperimentEvent]) -> dict[str, Standing]:
    """Return every experiment by name, in the order of the events; leave out what this version cannot read."""
    by_name: dict[str, list[ExperimentEvent]] = {}
    for event in events:
        by_name.setdefault(event.experiment, []).append(event)
    found = {}
    for name, history in by_name.items():
        ordered = sorted(history, key=lambda event: event.number)
        try:
            spec = ExperimentSpec.model_validate(ordered[0].spec)
        except ValidationError as error:
            log.error("experiment %s is left out, its start cannot be read: %s", name, error.errors()[0]["msg"])
            continue
        found[name] = Standing(spec=spec, events=tuple(ordered))
    return found


def running(found: Mapping[str, Standing]) -> tuple[Running, ...]:
    """Return the experiments that nobody has ended, those started first first."""
    return tuple(Running(spec=each.spec, share=each.share) for each in found.values() if each.open)


def started(spec: ExperimentSpec, known: Mapping[str, Standing], *, at: datetime, by: str) -> ExperimentEvent:
    """Return the event that starts an experiment; raise `ExperimentConflict` when it has been started before."""
    if spec.name in known:
        raise ExperimentConflict(
            f"experiment {spec.name!r} was started before; give this one another name, so that their logs stay apart"
        )
    return ExperimentEvent(
        experiment=spec.name,
        number=1,
        kind="started",
        share=spec.ramp[0],
        at=at,
        by=by,
        spec=spec.model_dump(mode="json"),
    )


def ramped(each: Standing, share: float | None, *, at: datetime, by: str, reason: str = "") -> ExperimentEvent:
    """Return the event that lets more units in, by the next step where no share is given; `ExperimentConflict`."""
    ahead = [step for step in each.spec.ramp if step > each.share]
    wanted = share if share is not None else ahead[0] if ahead else None
    if wanted is None:
        raise ExperimentConflict(f"the ramp of experiment {each.spec.name!r} is at its end, {each.share:.0%}")
    if not each.share < wanted <= 1:
        raise ExperimentConflict(
            f"experiment {each.spec.name!r} is at {each.share:.0%}; a ramp only goes up, to 100 % at most. "
            "To let fewer in, stop it"
        )
    return _next(each, "ramped", share=wanted, at=at, by=by, reason=reason)


def ended(each: Standing, *, at: datetime, by: str, reason: str = "", broken: bool = False) -> ExperimentEvent:
    """Return the event that stops an experiment, or rolls it back; raise `ExperimentConflict` when it is over."""
    return _next(each, "rolled_back" if broken else "stopped", share=0.0, at=at, by=by, reason=reason)


def find(known: Mapping[str, Standing], name: str) -> Standing:
    """Return an experiment by name; raise `UnknownExperiment`."""
    if name not in known:
        raise UnknownExperiment(name, known)
    return known[name]


def _next(
    each: Standing,
    kind: Literal["ramped", "stopped", "rolled_back"],
    *,
    share: float,
    at: datetime,
    by: str,
    reason: str,
) -> ExperimentEvent:
    if not each.open:
        raise ExperimentConflict(f"experiment {each.spec.name!r} is over since {each.events[-1].at:%Y-%m-%d %H:%M} UTC")
    return ExperimentEvent(
        experiment=each.spec.name,
        number=len(each.events) + 1,
        kind=kind,
        share=share,
        at=at,
        by=by,
        reason=reason,
    )


def in_order(events: Sequence[ExperimentEvent]) -> list[dict[str, object]]:
    """Return a history as rows to show."""
    return [
        {"at": each.at, "what": each.kind.replace("_", " "), "share": each.share, "by": each.by, "reason": each.reason}
        for each in events
    ]
