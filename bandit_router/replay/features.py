"""What was known of requests before anything was drawn, as numbers; it looks at nothing that came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.evaluate.leaning import Draws, add_up
from bandit_router.replay.record import Record
from bandit_router.types import Step

Matrix = NDArray[np.float64]
Leanings = dict[tuple[str, str], NDArray[np.float64]]
COLUMNS: Final = ("context.confidence", "context.surface", "context.embedding")
"""What is read of a Parquet file for it."""
_LEADING: Final = 16
"""So many of an embedding's numbers."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """Numbers of n requests (n, d) by name."""

    names: tuple[str, ...]
    values: Matrix


def of_records(records: Sequence[Record]) -> Features:
    """Return those of records: confidence, the dial, surface numbers, the first of the embedding's."""
    contexts = [record.decision.context for record in records]
    surface = sorted({name for context in contexts for name in context.surface})
    width = min(_LEADING, max((len(context.embedding) for context in contexts), default=0))
    values = np.zeros((len(records), 2 + len(surface) + width))
    for row, record, context in zip(values, records, contexts, strict=True):
        row[:2] = context.confidence, np.log(record.decision.value_usd)
        row[2 : 2 + len(surface)] = [context.surface.get(name, 0.0) for name in surface]
        leading = context.embedding[:width]
        row[2 + len(surface) : 2 + len(surface) + len(leading)] = leading
    return Features(names=_names(surface, width), values=values)


def of_columns(context: Any, value_usd: NDArray[np.float64]) -> Features:
    """Return those of an Arrow array of contexts; raise ValueError where a number is missing or not finite."""
    surface, embedding = context.field("surface"), context.field("embedding")
    keys = surface.keys.dictionary_encode()
    known: list[str] = keys.dictionary.to_pylist()
    order = np.argsort(np.argsort(np.array(known, dtype=object))) if known else np.zeros(0, dtype=np.intp)
    starts, sizes = _spans(embedding)
    width = min(_LEADING, int(sizes.max(initial=0)))
    values = np.zeros((len(context), 2 + len(known) + width))
    values[:, 0], values[:, 1] = _finite(context.field("confidence")), np.log(value_usd)
    owner = np.repeat(np.arange(len(context)), _spans(surface)[1])
    codes = keys.indices.to_numpy(zero_copy_only=False)
    values[owner, 2 + order[codes]] = _finite(surface.items)
    there = np.arange(width) < sizes[:, None]
    values[:, 2 + len(known) :][there] = _finite(embedding.flatten())[(starts[:, None] + np.arange(width))[there]]
    return Features(names=_names(sorted(known), width), values=values)


def leanings_of(records: Sequence[Record]) -> Leanings:
    """Return the sums of `leaning` over every step of records that have propensities."""
    known = [record for record in records if record.propensities]
    if not known:
        return {}
    requests = of_records(known)
    steps = [
        (row, step, _so_far(record, depth))
        for row, record in enumerate(known)
        for depth, step in enumerate(record.outcome.steps)
    ]
    rows, best = np.array([row for row, _, _ in steps]), np.array([quality for _, _, quality in steps])
    return add_up(
        _draws([step for _, step, _ in steps]),
        np.column_stack([requests.values[rows], best]),
        (*requests.names, "the best quality so far"),
    )


def _so_far(record: Record, depth: int) -> float:
    """Return the best quality that was judged before a step, one half where there is none."""
    known = [judged.quality for judged in record.outcome.history[:depth] if judged.quality is not None]
    return max(known, default=0.5)


def _draws(steps: Sequence[Step]) -> Draws:
    places: dict[str, int] = {}
    code = [places.setdefault(action.model, len(places)) for step in steps for action in step.actions]
    drawn = [float(place == step.chosen) for step in steps for place in range(len(step.actions))]
    return Draws(
        actions=list(places),
        code=np.array(code),
        row=np.repeat(np.arange(len(steps)), [len(step.actions) for step in steps]),
        probability=np.array([chance for step in steps for chance in step.pmf.probs]),
        drawn=np.array(drawn),
    )


def _names(surface: Sequence[str], width: int) -> tuple[str, ...]:
    leading = (f"embedding {place}" for place in range(width))
    return ("confidence", "value_usd", *(f"surface {name}" for name in surface), *leading)


def _spans(lists: Any) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where each of some lists begins in what is flattened, and how long it is."""
    if lists.null_count:
        raise ValueError("a context without its numbers")
    offsets = lists.offsets.to_numpy().astype(np.intp)
    return offsets[:-1] - offsets[0], np.diff(offsets)


def _finite(numbers: Any) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError("a context with a number that is not finite")
    return found
