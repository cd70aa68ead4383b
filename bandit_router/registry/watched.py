"""What is expected of one model's answers, and what was seen of late; it raises no alarm itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from bandit_router.registry.sequential import Detector, factors

WARM: Final = 300
"""Judged answers before a model is watched: what to expect of it has to be known first."""
AGAIN: Final = 75
"""The same after its answers got better, by far fewer: it is known where they were, and what came since."""
MEMORY: Final = 5_000.0
"""Judged answers over which the expectation is a mean: slow change is followed and not alarmed."""
SHRINK: Final = 20.0
"""A category's mean counts as much as the model's after so many answers."""
CAUTION: Final = 0.25
"""Standard errors of the expectation within which nothing counts as a change."""
LEAST_VARIANCE: Final = 0.01


@dataclass(slots=True, kw_only=True)
class Mean:
    """A running mean of so many numbers, at most `MEMORY` of which count."""

    n: float = 0.0
    mean: float = 0.0

    def add(self, x: float) -> None:
        """Take a number in."""
        self.n = min(self.n + 1, MEMORY)
        self.mean += (x - self.mean) / self.n


@dataclass(slots=True, kw_only=True)
class Total:
    """How many answers, the sum of their qualities, and of what was not foreseen of them."""

    n: float = 0.0
    quality: float = 0.0
    surprise: float = 0.0

    def add(self, quality: float, surprise: float) -> None:
        """Take one answer in."""
        self.n, self.quality, self.surprise = self.n + 1, self.quality + quality, self.surprise + surprise


@dataclass(slots=True, kw_only=True)
class Side:
    """One direction of change: its detector, and what came since a change seems to have begun."""

    detector: Detector
    since: Total = field(default_factory=Total)
    others: Total = field(default_factory=Total)
    """Of all models, when that was."""


@dataclass(slots=True, kw_only=True)
class Watched:
    """One model: the mean quality of its answers, over all and by category, and evidence of change."""

    overall: Mean = field(default_factory=Mean)
    square: Mean = field(default_factory=Mean)
    """Of what was not foreseen."""
    cells: dict[str, Mean] = field(default_factory=dict)
    sides: tuple[Side, Side] = field(default_factory=lambda: (Side(detector=Detector(-1)), Side(detector=Detector(1))))

    @property
    def warm(self) -> bool:
        """Whether enough is known to tell a change."""
        return self.overall.n >= WARM

    def knows(self, category: str) -> bool:
        """Whether enough is known of a category to tell a change from what is merely new."""
        return self.warm and self.cells[category].n >= SHRINK

    @property
    def variance(self) -> float:
        """Of an answer's quality about what was expected."""
        return max(self.square.mean, LEAST_VARIANCE)

    def place(self, category: str) -> int:
        """Return the place of a category, made when it is new."""
        if category not in self.cells:
            self.cells[category] = Mean()
        return list(self.cells).index(category)

    def expected(self, category: str) -> float:
        """Return the quality expected of an answer in a category that has its place."""
        cell = self.cells[category]
        return (cell.n * cell.mean + SHRINK * self.overall.mean) / (cell.n + SHRINK)

    def learn(self, category: str, *, quality: float, expected: float) -> None:
        """Let an answer count in what is expected of the next."""
        self.square.add((quality - expected) ** 2)
        self.overall.add(quality)
        self.cells[category].add(quality)

    def bet(self, category: str, *, quality: float, expected: float, everything: Total) -> None:
        """Weigh an answer against what was expected of it; `everything` is the total over all models so far."""
        variance, place = self.variance, self.place(category)
        doubts = (variance / self.overall.n, variance / (self.cells[category].n + SHRINK))
        for side in self.sides:
            sign, found = side.detector.direction, []
            for doubt in doubts:
                held = min(max(expected + sign * CAUTION * math.sqrt(doubt), 0.0), 1.0)
                worst = held if sign > 0 else 1 - held
                found.append(factors(gain=sign * (quality - held), variance=variance, worst=worst))
            if side.detector.quiet:
                side.since, side.others = Total(), Total(n=everything.n, surprise=everything.surprise)
            side.detector.use(place, found[0], found[1])
            side.since.add(quality, quality - expected)


def risen(watched: Watched, since: Total) -> Watched:
    """Return what to expect after a rise: half of it more than before, as what raises an alarm flatters itself.

    A model is not to go unwatched for long because its answers got better, or seemed to by chance.
    """
    rise, n = since.surprise / since.n / 2, max(since.n, WARM - AGAIN)
    return Watched(
        overall=Mean(n=n, mean=min(watched.overall.mean + rise, 1.0)),
        square=Mean(n=n, mean=watched.square.mean),
        cells={
            name: Mean(n=min(cell.n, SHRINK), mean=min(cell.mean + rise, 1.0)) for name, cell in watched.cells.items()
        },
    )


def written(watched: Watched) -> dict[str, Any]:
    """Return all of it as JSON has it."""
    return {
        "means": [[mean.n, mean.mean] for mean in (watched.overall, watched.square)],
        "cells": {category: [mean.n, mean.mean] for category, mean in watched.cells.items()},
        "sides": [
            {"detector": side.detector.state, "since": row(side.since), "others": row(side.others)}
            for side in watched.sides
        ],
    }


def read(state: dict[str, Any]) -> Watched:
    """Return what was written; raise `ValueError`, `KeyError` or `TypeError` for anything else."""
    overall, square = (_mean(pair) for pair in state["means"])
    worse, better = (
        Side(detector=Detector(direction, side["detector"]), since=total(side["since"]), others=total(side["others"]))
        for direction, side in zip((-1, 1), state["sides"], strict=True)
    )
    cells = {category: _mean(pair) for category, pair in state["cells"].items()}
    return Watched(overall=overall, square=square, cells=cells, sides=(worse, better))


def row(found: Total) -> list[float]:
    """Return a total as JSON has it."""
    return [found.n, found.quality, found.surprise]


def total(numbers: list[float]) -> Total:
    """Return the total that was written."""
    n, quality, surprise = map(float, numbers)
    return Total(n=n, quality=quality, surprise=surprise)


def _mean(pair: list[float]) -> Mean:
    n, mean = map(float, pair)
    return Mean(n=n, mean=mean)
