"""Brings what was learned of models into their states and tells people of it; the rules are in `lifecycle`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bandit_router.errors import StoreUnavailable
from bandit_router.registry.drift import Drift
from bandit_router.registry.lifecycle import drifted, recovered
from bandit_router.registry.offered import Offered
from bandit_router.types import ModelEvent

log = logging.getLogger(__name__)
EVERY_S: Final = 1.0


@dataclass(slots=True, kw_only=True)
class Life:
    """Looks at what drift was learned; `turn` says whether this process is to, `tell` posts an event somewhere."""

    offered: Offered
    drift: Callable[[], Drift]
    turn: Callable[[], bool]
    tell: Callable[[ModelEvent], None]
    now: Callable[[], datetime]
    _done: set[str] = field(default_factory=set)

    def tick(self) -> None:
        """Enter every change that is not entered yet, each once over all processes, and tell of it."""
        try:
            if not self.turn():
                return
            drift, now = self.drift(), self.now()
            for change in drift.changes:
                self._enter(drifted(change, self.offered.records, now=now))
            for event in recovered(self.offered.records, drift.expected, now=now):
                self._enter(event)
        except StoreUnavailable as error:
            log.warning("the states of models stay as they are: %s", error)

    def _enter(self, event: ModelEvent) -> None:
        if event.key is None or event.key in self._done:
            return
        new = self.offered.change(event)
        self._done.add(event.key)
        if new:
            what = f" and is {event.state} now" if event.state else ""
            log.warning("model %s: %s%s %s", event.model, event.reason, what, dict(event.numbers))
            self.tell(event)
