"""Has models probed with requests answered of late, as far as those are kept; which are worth it is not its say.

So a model becomes known though nobody sends a request just then. One process does it: the one that learns.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

from bandit_router.aside import Purse
from bandit_router.errors import StoreUnavailable
from bandit_router.prober import Prober
from bandit_router.router import Ask
from bandit_router.store.events import Account
from bandit_router.types import Asked, ChatRequest, Decision, Model, Outcome

log = logging.getLogger(__name__)

EVERY_S: Final = 1.0
AT_ONCE: Final = 2
"""So many probes are started at a look."""
SAMPLE: Final = 8
"""So many requests are looked at, drawn at random ..."""
NEWEST: Final = 1000
"""... from so many of the newest that are kept."""
SETTLED: Final = timedelta(seconds=10)
"""Before that a request may be about to be probed by the process that answered it."""
IDLE_S: Final = 5.0
"""How long a model is left alone after a look that found nothing for it."""


class Kept(Protocol):
    """The requests that are kept."""

    def unprobed(self, model: str, /, *, since: datetime, until: datetime, limit: int) -> Sequence[str]:
        """Return ids of requests made since a moment and finished by another that a model was never probed with."""

    def asked(self, decision_id: str, /) -> Asked | None:
        """Return what a request asked for beside its text; None once that is deleted."""

    def forget(self, before: datetime, /) -> int:
        """Delete what is kept of requests made before a moment."""


class Past(NamedTuple):
    """A request that was answered, as it was sent."""

    ask: Ask
    decision: Decision
    outcome: Outcome


@dataclass(slots=True, kw_only=True)
class Lookback:
    """Looks in a thread of its own; what it starts is started on the event loop, by `on_loop`."""

    prober: Prober
    kept: Kept
    account: Callable[[str], Account]
    """Returns all that is logged of a decision; blocks."""
    purse: Purse
    """What probes are paid from."""
    keep: timedelta
    """For how long requests are kept."""
    turn: Callable[[], bool]
    now: Callable[[], datetime]
    clock: Callable[[], float]
    sample: Callable[[Sequence[str], int], Sequence[str]]
    """Returns so many of the ids at random."""
    on_loop: Callable[[Coroutine[Any, Any, int]], int]
    """Runs a coroutine on the event loop of the service and waits for its result."""
    _idle: dict[str, float] = field(default_factory=dict)
    """When each model is looked at again."""
    _used: set[tuple[str, str]] = field(default_factory=set)
    """What was started here, by model and request: it may not stand in the log yet."""

    def tick(self) -> None:
        """Start probes with some of what is kept, if any are due and it is this process's turn."""
        try:
            model = self.prober.due()
            if model is None:
                self._used.clear()
            elif self.clock() >= self._idle.get(model.name, 0.0) and self.turn():
                found = self._some(model)
                if not found or self.on_loop(self._start(model, found)) == 0:
                    self._idle[model.name] = self.clock() + IDLE_S
        except StoreUnavailable as error:
            log.warning("no model is probed with what was asked before: %s", error)

    def forget(self) -> None:
        """Delete what is older than may be kept."""
        try:
            self.kept.forget(self.now() - self.keep)
        except StoreUnavailable as error:
            log.warning("requests kept for probing are deleted later: %s", error)

    def _some(self, model: Model) -> list[Past]:
        """Return a random few of the requests that a model was not probed with; raise `StoreUnavailable`."""
        now = self.now()
        ids = self.kept.unprobed(model.name, since=now - self.keep, until=now - SETTLED, limit=NEWEST)
        fresh = [each for each in ids if (model.name, each) not in self._used]
        return [past for each in self.sample(fresh, min(SAMPLE, len(fresh))) if (past := self._past(each))]

    def _past(self, decision_id: str) -> Past | None:
        asked, account = self.kept.asked(decision_id), self.account(decision_id)
        if asked is None or account.prompt is None or account.outcome is None:
            return None
        request = ChatRequest(messages=tuple(json.loads(account.prompt)), params=asked.params)
        ask = Ask(request=request, hints=asked.hints, tenant=account.decision.tenant)
        return Past(ask=ask, decision=account.decision, outcome=account.outcome)

    async def _start(self, model: Model, found: Sequence[Past]) -> int:
        """Start probes with what is worth it and can be paid for; return how many were."""
        left, started = await self.purse.left(self.now()), 0
        for ask, decision, outcome in found:
            worth = self.prober.weigh(model, ask, decision=decision, outcome=outcome)
            if worth is None or worth.price > left:
                continue
            if started == AT_ONCE or not self.prober.start(worth, ask, decision=decision):
                break
            self._used.add((model.name, decision.id))
            left, started = left - worth.price, started + 1
        return started
