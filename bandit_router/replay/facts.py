"""What a log says whatever the target: one row a decision, in arrays that add up; it knows no policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.evaluate.leaning import Sums, joined
from bandit_router.replay.course import served_last
from bandit_router.replay.features import leanings_of
from bandit_router.replay.record import Record
from bandit_router.reward.utility import quality_of

Vector = NDArray[np.float64]
Short = NDArray[np.float32]
"""Half the memory, where six digits are more than enough."""
_COLUMNS: Final = ("ids", "at", "value_usd", "waited", "cost_usd", "quality", "share", "asked")
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
Cell = tuple[str, str]
"""A category and an action."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Named:
    """Texts as numbers: codes (n,) into names."""

    codes: NDArray[np.int32]
    names: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Named:
        """Return texts by their codes, in the order they come."""
        places: dict[str, int] = {}
        codes = [places.setdefault(text, len(places)) for text in texts]
        return cls(codes=np.array(codes, dtype=np.int32), names=tuple(places))

    @classmethod
    def joined(cls, parts: Sequence[Named]) -> Named:
        """Return parts one after the other."""
        places: dict[str, int] = {}
        codes = []
        for part in parts:
            own = np.array([places.setdefault(name, len(places)) for name in part.names], dtype=np.int32)
            codes.append(own[part.codes] if len(part.codes) else part.codes)
        return cls(codes=np.concatenate(codes) if codes else np.zeros(0, np.int32), names=tuple(places))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Facts:
    """A log of n decisions.

    `ids` are hashes, `at` seconds since 1970, `quality` NaN where it was not seen, and `share` the log's probability of
    the judges having been asked about what was served (1 or 0 where that was drawn on the way). `asked` says whether
    they were. `cells` holds for each category and action how often it was drawn, how often its probabilities say it
    should have been, and the variance of that; `unknown` counts decisions without propensities, `mismatched` those
    with one that is not its pmf's entry. `leanings` are the sums of `evaluate.leaning`, of as much as was looked at.
    """

    ids: NDArray[np.uint64]
    at: NDArray[np.uint32]
    value_usd: Short
    waited: Short
    """What the time it took is worth, in units of a good answer."""
    cost_usd: Vector
    quality: Short
    share: Short
    asked: NDArray[np.bool_]
    category: Named
    start: Named
    cells: Mapping[Cell, tuple[float, float, float]] = field(default_factory=dict)
    unknown: int = 0
    mismatched: int = 0
    leanings: Sums = field(default_factory=dict)
    repeated: int = 0
    """Ids that are there again, of those no longer held."""

    @property
    def n(self) -> int:
        """Return how many decisions there are."""
        return len(self.at)

    @property
    def duplicates(self) -> int:
        """Return how many decisions have an id that is there already."""
        return self.repeated + _repeated(self.ids)


def facts_of(records: Sequence[Record]) -> Facts:
    """Return the facts of records."""
    rows = [_row(record) for record in records]
    columns: Sequence[Sequence[float]] = list(zip(*rows, strict=True)) if rows else [()] * 7
    return Facts(
        ids=hashed([record.decision.id for record in records]),
        at=np.array(columns[0], dtype=np.float64).astype(np.uint32),
        value_usd=np.array(columns[1], dtype=np.float32),
        waited=np.array(columns[2], dtype=np.float32),
        cost_usd=np.array(columns[3], dtype=np.float64),
        quality=np.array(columns[4], dtype=np.float32),
        share=np.array(columns[5], dtype=np.float32),
        asked=np.array(columns[6], dtype=bool),
        category=Named.of([record.decision.context.category for record in records]),
        start=Named.of([record.decision.step.action.model for record in records]),
        cells=_cells(records),
        unknown=sum(not record.propensities for record in records),
        mismatched=sum(record.mismatched for record in records),
        leanings=leanings_of(records),
    )


class Gathering:
    """Facts that come piece by piece; it holds hardly more than what it gives in the end."""

    def __init__(self) -> None:
        self._columns: dict[str, list[NDArray[np.generic]]] = {name: [] for name in _COLUMNS}
        self._named: dict[str, list[Named]] = {"category": [], "start": []}
        self._cells: dict[Cell, tuple[float, float, float]] = {}
        self._unknown = 0
        self._mismatched = 0
        self._leanings: dict[tuple[str, str], Vector] = {}

    def add(self, part: Facts) -> None:
        """Take the next piece."""
        for name, column in self._columns.items():
            column.append(getattr(part, name))
        for name, texts in self._named.items():
            texts.append(getattr(part, name))
        for cell, counts in part.cells.items():
            add(self._cells, cell, counts)
        self._unknown += part.unknown
        self._mismatched += part.mismatched
        for key, sums in part.leanings.items():
            self._leanings[key] = joined(self._leanings.get(key), sums)

    def facts(self) -> Facts:
        """Return the whole, once; repeated ids are counted and let go."""
        whole: dict[str, NDArray[np.generic]] = {}
        for name in _COLUMNS:
            parts = self._columns.pop(name)
            whole[name] = np.concatenate(parts) if parts else np.zeros(0)
        ids = whole.pop("ids")
        return Facts(
            ids=np.zeros(0, dtype=np.uint64),
            repeated=_repeated(ids),
            **whole,  # type: ignore[arg-type]
            category=Named.joined(self._named["category"]),
            start=Named.joined(self._named["start"]),
            cells=self._cells,
            unknown=self._unknown,
            mismatched=self._mismatched,
            leanings=self._leanings,
        )


def _repeated(ids: NDArray[np.generic]) -> int:
    ordered = np.sort(ids)
    return int((ordered[1:] == ordered[:-1]).sum())


def hashed(texts: Sequence[str]) -> NDArray[np.uint64]:
    """Return 64 bits of each text (n,), a polynomial in its bytes: whole columns at a time, unlike a digest."""
    raw = [text.encode() for text in texts]
    length = np.array([len(one) for one in raw], dtype=np.intp)
    found = length.astype(np.uint64)
    for size in np.unique(length):
        at = np.flatnonzero(length == size)
        letters = np.frombuffer(b"".join(raw[i] for i in at), dtype=np.uint8).reshape(len(at), size)
        value = found[at]
        for column in letters.T:
            value = value * _MULTIPLIER + column
        found[at] = value
    return found


def add(cells: dict[Cell, tuple[float, float, float]], cell: Cell, counts: tuple[float, float, float]) -> None:
    """Add counts to those of a cell."""
    drawn, expected, variance = cells.get(cell, (0.0, 0.0, 0.0))
    cells[cell] = (drawn + counts[0], expected + counts[1], variance + counts[2])


def _row(record: Record) -> tuple[float, ...]:
    event = record.event
    decision, outcome = event.decision, event.outcome
    quality = quality_of(event)
    asked, share = True, 1.0
    if outcome.served is not None:
        step = outcome.steps[outcome.served]
        asked = outcome.history[outcome.served].judgement is not None
        share = step.judge_propensity if served_last(event) else float(asked)
    return (
        decision.created_at.timestamp(),
        decision.value_usd,
        outcome.latency_s / decision.value_s if decision.value_s else 0.0,
        outcome.cost_usd,
        np.nan if quality is None else quality,
        share,
        asked,
    )


def _cells(records: Iterable[Record]) -> dict[Cell, tuple[float, float, float]]:
    cells: dict[Cell, tuple[float, float, float]] = {}
    for record in records:
        category = record.decision.context.category
        for step in record.outcome.steps if record.propensities else ():
            for place, (action, chance) in enumerate(zip(step.actions, step.pmf.probs, strict=True)):
                drawn = float(place == step.chosen)
                add(cells, (category, action.model), (drawn, chance, chance * (1 - chance)))
    return cells
