"""The journal as those who learn read it: with the changes of models, which no report counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bandit_router.store.events import Events
from bandit_router.types import Event


@dataclass(frozen=True, slots=True)
class Lessons:
    """All events, and the changes among them."""

    events: Events

    def read(self, cursor: int, /, *, limit: int) -> Sequence[Event]:
        """Return what stands past a cursor, oldest first, at most `limit`; raise `StoreUnavailable`."""
        return self.events.read(cursor, limit=limit, changes=True)

    def head(self) -> int:
        """Return the seq of the newest event, 0 before any."""
        return self.events.head()
