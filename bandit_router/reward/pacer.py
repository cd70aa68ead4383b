"""Moves the dial so that mean spend meets a budget in dollars per request; it spends nothing itself."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Final

from bandit_router.errors import CorruptArtifact
from bandit_router.types import Event

NAME: Final = "pacer"
PROPORTIONAL: Final = 0.02
"""A debt of so many requests' budget moves the log of the dial by PROPORTIONAL times that."""
INTEGRAL: Final = PROPORTIONAL**2 / 4
"""Critically damped for a spend proportional to the dial: as quick as it gets without swinging."""
REACH: Final = 10.0
"""How far the dial may move from where it started, as a natural logarithm: a factor of about 22,000 either way."""


class Pacer:
    """A proportional-integral controller of log(value_usd) on the debt: the sum of (cost / budget - 1) so far.

    Acting on the accumulated debt, not on the latest error, pays every overspending back: mean spend meets the budget
    in the long run whatever the start cost. It is deterministic in the order of events, and `dump` is all its state.
    """

    def __init__(self, *, budget_usd: float, start_usd: float, artifact: bytes | None = None) -> None:
        """Start at the dial `start_usd`, or go on from an artifact; raise `CorruptArtifact` when that cannot be read.

        When the budget is not the artifact's, its dial is kept and its debt is not: that was owed to another budget.
        """
        self._budget_usd, self._start_usd = budget_usd, start_usd
        self._debt, self._sum = 0.0, 0.0
        if artifact:
            self._restore(*_read(artifact))

    @property
    def value_usd(self) -> float:
        """The dial now, in USD: lower while more has been spent than the budget allows."""
        shift = -PROPORTIONAL * self._debt - INTEGRAL * self._sum
        return self._start_usd * math.exp(min(max(shift, -REACH), REACH))

    @property
    def debt_usd(self) -> float:
        """What has been spent above the budget so far, in USD; negative when there is some left."""
        return self._debt * self._budget_usd

    def learn(self, events: Sequence[Event], /) -> None:
        """Take account of what finished requests of users cost; feedback costs nothing."""
        for event in events:
            if event.kind == "finished" and event.decision.kind == "served":
                self.spent(event.outcome.cost_usd)

    def spent(self, cost_usd: float) -> None:
        """Take account of one request's cost in USD."""
        self._debt += cost_usd / self._budget_usd - 1
        # No integral beyond what the dial can still answer to, or it would take as long to unwind (anti-windup).
        limit = REACH / INTEGRAL
        self._sum = min(max(self._sum + self._debt, -limit), limit)

    def dump(self) -> bytes:
        """Return the whole state."""
        return json.dumps([self._budget_usd, self._start_usd, self._debt, self._sum]).encode()

    def _restore(self, budget_usd: float, start_usd: float, debt: float, total: float) -> None:
        budget_now, self._budget_usd, self._start_usd = self._budget_usd, budget_usd, start_usd
        self._debt, self._sum = debt, total
        if budget_now != budget_usd:
            self._start_usd, self._debt, self._sum = self.value_usd, 0.0, 0.0
            self._budget_usd = budget_now


def _read(artifact: bytes) -> tuple[float, float, float, float]:
    try:
        budget, start, debt, total = map(float, json.loads(artifact))
    except (ValueError, TypeError) as error:
        raise CorruptArtifact(f"the pacer's state cannot be read ({error})") from error
    if not (all(map(math.isfinite, (budget, start, debt, total))) and budget > 0 and start > 0):
        raise CorruptArtifact("the pacer's state holds numbers that cannot be")
    return budget, start, debt, total
