"""Learns how long models and judges take to answer, for those to whom time is worth something; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

MOST: Final = 200.0
"""How many answers a mean remembers."""
SHRINK: Final = 5.0
"""Answers of a model until its own mean counts as much as that of all models."""


class Pace:
    """A running mean of seconds."""

    def __init__(self, n: float = 0.0, mean: float = 0.0) -> None:
        self.n, self.mean = n, mean

    def note(self, seconds: float) -> None:
        """Take in how long one answer took."""
        self.n = min(self.n + 1, MOST)
        self.mean += (seconds - self.mean) / self.n


class Paces:
    """Seconds by model, of all models together, and of judging an answer; 0 before anything was seen."""

    def __init__(self) -> None:
        self.models: dict[str, Pace] = {}
        self.all, self.judging = Pace(), Pace()

    def note(self, model: str, seconds: float) -> None:
        """Take in how long a model's answer took."""
        self.models.setdefault(model, Pace()).note(seconds)
        self.all.note(seconds)

    def expected(self, model: str) -> float:
        """Return the seconds that a model's answer is expected to take: those of all models, for one not known."""
        own = self.models.get(model, Pace())
        return (own.n * own.mean + SHRINK * self.all.mean) / (own.n + SHRINK)

    def state(self) -> dict[str, list[float]]:
        """Return all of it as JSON has it: the mean of all and that of judging have names that no model can have."""
        named = {"": self.all, "\n": self.judging, **self.models}
        return {name: [pace.n, pace.mean] for name, pace in named.items()}

    def restore(self, state: Mapping[str, Sequence[float]]) -> None:
        """Take up what was dumped."""
        paces = {name: Pace(*numbers) for name, numbers in state.items()}
        self.all, self.judging = paces.pop("", Pace()), paces.pop("\n", Pace())
        self.models = paces
