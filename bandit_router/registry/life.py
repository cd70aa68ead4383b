"""Brings what was learned of models into their states and tells people of it; the rules are in `lifecycle`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from bandit_router.errors import StoreUnavailable
from bandit_router.registry.drift import Drift
from bandit_router.registry.lifecycle import begun, concluded, drifted, recovered, replaced, to_probe
from bandit_router.registry.offered import Offered
from bandit_router.registry.probation import GIVEN_UP, IDLE, conclusion, is_quiet
from bandit_router.types import Comparison, ModelEvent, ModelRecord, ModelState, Prospect, Quiet

log = logging.getLogger(__name__)
EVERY_S: Final = 1.0
SIDE_BY_SIDE: Final = 3
"""How many newcomers are probed at a time; the others wait for their turn."""
LOW: Final = 0.1
"""With less than this share of the day's budget left it may be for want of money that a newcomer is not probed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probation:
    """How newcomers are let in: so many `probes` compared, by whose word, and where all that is read; which blocks."""

    probes: int
    manual: bool
    comparisons: Callable[[str, datetime], Sequence[Comparison]]
    quiet: Callable[[Mapping[str, datetime]], Mapping[str, Quiet]]
    """Returns for how long, of late, each model was not probed since its moment."""
    daily_usd: float
    spent: Callable[[datetime], float]
    """Returns the USD paid for probes since a moment."""
    prospects: Callable[[str], Sequence[Prospect]]
    """Returns the requests of late that a model might have been probed with."""

    def is_funded(self, now: datetime) -> bool:
        """Tell whether there was money for probes all day (UTC)."""
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return self.spent(day) <= (1 - LOW) * self.daily_usd


@dataclass(slots=True, kw_only=True)
class Life:
    """Looks at what drift was learned; `turn` says whether this process is to, `tell` posts an event somewhere."""

    offered: Offered
    drift: Callable[[], Drift]
    turn: Callable[[], bool]
    tell: Callable[[ModelEvent], None]
    now: Callable[[], datetime]
    probation: Probation | None = None
    """None where newcomers are not probed."""
    _done: set[str] = field(default_factory=set)

    def tick(self) -> None:
        """Enter every change that is not entered yet, each once over all processes, and tell of it."""
        try:
            if not self.turn():
                return
            drift, now = self.drift(), self.now()
            for change in drift.changes:
                self._enter(drifted(change, self.offered.records, now=now))
            for found in drift.replaced:
                self._enter(replaced(found, self.offered.records, now=now))
            for event in recovered(self.offered.records, drift.expected, now=now):
                self._enter(event)
            if self.probation:
                self._look_at_newcomers(self.probation, now)
        except StoreUnavailable as error:
            log.warning("the states of models stay as they are: %s", error)

    def _look_at_newcomers(self, probation: Probation, now: datetime) -> None:
        """Conclude what the probes of newcomers allow to be concluded, then give the next candidates their turn."""
        probing = self._in_state("probing")
        quiet = probation.quiet({record.name: record.since for record in probing}) if probing else {}
        for record in probing:
            given_up = is_quiet(quiet[record.name], now, span=GIVEN_UP)
            found = conclusion(
                probation.comparisons(record.name, record.since),
                most=probation.probes,
                passed_over=quiet[record.name].requests if given_up else 0,
                prospects=probation.prospects(record.name),
            )
            if found:
                self._enter(concluded(record, found, now=now, manual=probation.manual))
        waiting = self._in_state("candidate")
        for record in waiting and waiting[: self._free(probation, quiet, now)]:
            self._enter(begun(record, now=now))

    def _free(self, probation: Probation, quiet: Mapping[str, Quiet], now: datetime) -> int:
        """Return how many more newcomers may be probed; one that no request is worth a probe of takes no place."""
        probing = [record.name for record in self._in_state("probing")]
        idle = [name for name in probing if name in quiet and is_quiet(quiet[name], now, span=IDLE)]
        if idle and not probation.is_funded(now):
            idle = []
        return max(SIDE_BY_SIDE - len(probing) + len(idle), 0)

    def _in_state(self, state: ModelState) -> list[ModelRecord]:
        """Return the models of a state, the longest in it first; of those probed the ones that still are."""
        found = [record for record in self.offered.records.values() if record.state == state]
        return sorted(
            (record for record in found if state != "probing" or to_probe(record)), key=lambda record: record.since
        )

    def _enter(self, event: ModelEvent) -> None:
        if event.key is None or event.key in self._done:
            return
        new = self.offered.change(event)
        self._done.add(event.key)
        if new:
            what = f" and is {event.state} now" if event.state else ""
            log.warning("model %s: %s%s %s", event.model, event.reason, what, dict(event.numbers))
            self.tell(event)
