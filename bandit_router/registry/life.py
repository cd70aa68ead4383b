"""Brings what was learned of models into their states and tells people of it; the rules are in `lifecycle`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bandit_router.errors import StoreUnavailable
from bandit_router.registry.drift import Drift
from bandit_router.registry.lifecycle import begun, concluded, drifted, recovered, replaced, to_probe
from bandit_router.registry.offered import Offered
from bandit_router.registry.probation import conclusion
from bandit_router.types import Comparison, ModelEvent, ModelRecord, ModelState

log = logging.getLogger(__name__)
EVERY_S: Final = 1.0
SIDE_BY_SIDE: Final = 3
"""How many newcomers are probed at a time; the others wait for their turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probation:
    """How newcomers are let in: so many `probes` compared, by whose word, and where the comparisons are read."""

    probes: int
    manual: bool
    comparisons: Callable[[str, datetime], Sequence[Comparison]]


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
        for record in self._in_state("probing"):
            found = conclusion(probation.comparisons(record.name, record.since), most=probation.probes)
            if found:
                self._enter(concluded(record, found, now=now, manual=probation.manual))
        free = SIDE_BY_SIDE - len(self._in_state("probing"))
        for record in self._in_state("candidate")[: max(free, 0)]:
            self._enter(begun(record, now=now))

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
