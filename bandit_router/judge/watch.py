"""Looks at the judges from time to time and warns of biases past their limits; it changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from bandit_router.errors import RouterError
from bandit_router.judge.graded import graded
from bandit_router.judge.report import Report, report
from bandit_router.protocols import EventSource
from bandit_router.types import Event

log = logging.getLogger(__name__)

PAGE: Final = 500
NEWEST: Final = 20_000
"""So many events, the newest, are looked at from time to time."""


class Journal(EventSource, Protocol):
    """The journal, with its end."""

    def head(self) -> int:
        """Return the newest seq, 0 when there is none."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """Reports on the judges; `weights` gives the panel's newest."""

    source: Journal
    weights: Callable[[], Mapping[str, float]]
    families: Mapping[str, str]
    limits: Mapping[str, float]
    turn: Callable[[], bool] = lambda: True
    """Whether it is this process that is to look."""
    newest: Report | None = None
    """What was found last; None before the first look."""

    def look(self, cursor: int = 0) -> Report:
        """Return the report on all events past a cursor; raise `StoreUnavailable`."""
        answers = graded(self._events(cursor))
        return report(answers, weights=self.weights(), families=self.families, limits=self.limits)

    def look_safely(self) -> None:
        """Look at the newest events and log what is past its limit; a failure is logged and the last report kept."""
        try:
            if not self.turn():
                return
            self.newest = self.look(max(self.source.head() - NEWEST, 0))
        except RouterError as error:
            log.warning("the judges could not be looked at: %s", error)
            return
        for warning in self.newest.warnings:
            log.warning("%s; see [bias]", warning)

    def cursor_at(self, since: datetime) -> int:
        """Return the seq before the first event of a decision made at a time or later, by bisection."""
        low, high = 0, self.source.head()
        while low < high:
            middle = (low + high) // 2
            page = self.source.read(middle, limit=1)
            if page and page[0].decision.created_at < since:
                low = page[0].seq
            else:
                high = middle
        return low

    def _events(self, cursor: int) -> Iterator[Event]:
        while page := self.source.read(cursor, limit=PAGE):
            yield from page
            cursor = page[-1].seq
