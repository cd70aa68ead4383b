"""Takes models whose calls fail out for a while and lets one trial through after it; quality is another matter.

One instance a process: what it knows is lost with the process, and costs a few failed calls to find out again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from bandit_router.errors import ProviderErrorKind
from bandit_router.types import Action

Circuit = Literal["closed", "open", "half_open"]
COUNTED: Final[frozenset[ProviderErrorKind]] = frozenset({"timeout", "rate_limit", "error"})
"""A refusal is about what was asked, not about the endpoint."""


@dataclass(slots=True)
class _Line:
    """One model: failures in a row, and until when it is out."""

    failures: int = 0
    open_s: float = 0.0
    until: float = 0.0
    trial_until: float = 0.0
    trips: int = 0


class Breaker:
    """Circuits by model; `clock` gives monotonic seconds."""

    def __init__(self, *, failures: int, open_s: float, max_open_s: float, clock: Callable[[], float]) -> None:
        self._limit, self._open_s, self._max_open_s, self._clock = failures, open_s, max_open_s, clock
        self._lines: dict[str, _Line] = {}

    def state(self, model: str) -> Circuit:
        """Return whether a model's calls go through: `half_open` lets one through."""
        line = self._lines.get(model)
        if line is None or not line.open_s:
            return "closed"
        return "open" if self._clock() < max(line.until, line.trial_until) else "half_open"

    def trips(self, model: str) -> int:
        """Return how often a model was taken out since the process began."""
        line = self._lines.get(model)
        return line.trips if line else 0

    def admitted(self, actions: Iterable[Action]) -> tuple[Action, ...]:
        """Return the actions whose models are not out; all of them when no answer could be had otherwise."""
        everything = tuple(actions)
        found = tuple(action for action in everything if self.state(action.model) != "open")
        return found if any(not action.fuses for action in found) else everything

    def began(self, model: str, timeout_s: float) -> None:
        """Note a call: while one is under way to a half-open model, no other goes."""
        if self.state(model) == "half_open":
            self._lines[model].trial_until = self._clock() + timeout_s

    def succeeded(self, model: str) -> None:
        """Note a call that was answered: the circuit closes."""
        line = self._lines.get(model)
        if line:
            line.failures, line.open_s, line.until, line.trial_until = 0, 0.0, 0.0, 0.0

    def failed(self, model: str, kind: ProviderErrorKind) -> bool:
        """Note a call that failed; return whether that took the model out."""
        if kind not in COUNTED:
            return False
        line = self._lines.setdefault(model, _Line())
        line.failures += 1
        line.trial_until = 0.0
        if self.state(model) == "open" or line.failures < self._limit:
            return False
        line.open_s = min(2 * line.open_s or self._open_s, self._max_open_s)
        line.until = self._clock() + line.open_s
        line.trips += 1
        return True
