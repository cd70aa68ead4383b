"""What became of every query of one run, as arrays, and the figures made of it; it plays nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulate.bench.absorb import Absorbed
from simulate.bench.judges import Floats

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A change of a model that was noticed after `query`; `uses` are its judged answers since the phase began."""

    query: int
    model: str
    """`*` where all changed alike."""
    kind: str
    uses: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """One policy on the stream of one seed: an entry for each of the n queries."""

    policy: str
    kind: str
    seed: int
    quality: Floats
    """True score of the answer served."""
    cost_usd: Floats
    """Models and judges."""
    start: Ints
    """Index of the model started with."""
    attempts: Ints
    judged: Ints
    """How many answers were judged."""
    dropped: tuple[int | None, ...]
    """For each phase, the model whose quality fell."""
    alarms: tuple[Alarm, ...] = ()
    """What the service's own watch on models noticed."""
    absorbed: tuple[Absorbed, ...] = ()
    """How the probing of models that came later ended."""


class Tally:
    """Collects a run, query by query."""

    def __init__(self) -> None:
        self.quality: list[float] = []
        self.cost_usd: list[float] = []
        self.start: list[int] = []
        self.served: list[int] = []
        self.attempts: list[int] = []
        self.judged: list[int] = []
        self.dropped: list[int | None] = []
        self.alarms: list[Alarm] = []
        self.absorbed: list[Absorbed] = []

    def add(self, *, quality: float, cost_usd: float, start: int, served: int, attempts: int, judged: int) -> None:
        """Note one query."""
        self.quality.append(quality)
        self.cost_usd.append(cost_usd)
        self.start.append(start)
        self.served.append(served)
        self.attempts.append(attempts)
        self.judged.append(judged)

    def most_served(self, last: int) -> int | None:
        """Return the model most served in the last queries, the cheapest (0) left out; None when only that served."""
        counts = np.bincount(self.served[-last:] if last else [], minlength=2)[1:]
        return int(counts.argmax()) + 1 if counts.any() else None

    def run(self, policy: str, kind: str, seed: int) -> Run:
        """Return what was collected."""
        return Run(
            policy=policy,
            kind=kind,
            seed=seed,
            quality=np.array(self.quality),
            cost_usd=np.array(self.cost_usd),
            start=np.array(self.start, dtype=np.int64),
            attempts=np.array(self.attempts, dtype=np.int64),
            judged=np.array(self.judged, dtype=np.int64),
            dropped=tuple(self.dropped),
            alarms=tuple(self.alarms),
            absorbed=tuple(self.absorbed),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Mean quality, mean cost in USD and utility."""

    quality: float
    cost_usd: float
    utility: float

    def json(self, suffix: str = "") -> dict[str, Any]:
        """Return the figures by their names in the result."""
        return {
            f"quality{suffix}": self.quality,
            f"cost_usd{suffix}": self.cost_usd,
            f"utility{suffix}": self.utility,
        }


def figures(quality: Floats, cost_usd: Floats, value_usd: float) -> Figures:
    """Return the means over queries; nothing is clipped. No queries give zeros."""
    if not len(quality):
        return Figures(quality=0.0, cost_usd=0.0, utility=0.0)
    return priced(float(quality.mean()), float(cost_usd.mean()), value_usd)


def priced(quality: float, cost_usd: float, value_usd: float) -> Figures:
    """Return a mean quality and cost with their utility."""
    return Figures(quality=quality, cost_usd=cost_usd, utility=quality - cost_usd / value_usd)


def averaged(of_seeds: list[Figures]) -> Figures:
    """Return the mean of figures."""
    return Figures(
        quality=float(np.mean([one.quality for one in of_seeds])),
        cost_usd=float(np.mean([one.cost_usd for one in of_seeds])),
        utility=float(np.mean([one.utility for one in of_seeds])),
    )
