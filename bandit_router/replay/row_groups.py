"""Reads a row group of one-step decisions as whole columns, the fast way; what it cannot is left to the plain way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.load import PINNED
from bandit_router.replay.check import EARLIEST, LATEST, LEAST, MOST, SHARE, SUM
from bandit_router.replay.columns import Columns, Vector
from bandit_router.replay.facts import Named, hashed
from bandit_router.replay.features import COLUMNS as FEATURES
from bandit_router.replay.features import Features, of_columns
from bandit_router.replay.files import columns_of, parquet
from bandit_router.replay.row import TARGET_PROB

_NEEDED: Final = (
    "id",
    "created_at",
    "policy",
    "value_usd",
    "value_s",
    "propensities",
    "context.category",
    "steps",
    "attempts",
    "served",
    "latency_s",
    "feedback",
)
_MICROSECOND: Final = timedelta(microseconds=1)


def simple_group(
    path: Path, number: int, since: datetime | None, until: datetime | None, *, contexts: bool = True
) -> Columns | None:
    """Return a row group's columns, None where any decision has more than one step or a history that needs reading.

    `contexts` reads what was known of each request too, which takes longer than all the rest. None too for what is no
    decision (see `check`): the plain way says which it is, and what is wrong with it.
    """
    carried = [name for name in parquet(path).schema_arrow.names if name.startswith(TARGET_PROB)]
    table = columns_of(path, number, [*_NEEDED, *carried, *(FEATURES if contexts else ())])
    try:
        if not table.num_rows:
            return None
        found = _columns(table, carried, (since, until))
        return replace(found, features=_features(table, found)) if contexts else found
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _columns(table: Any, carried: list[str], span: tuple[datetime | None, datetime | None]) -> Columns:
    """Return the columns; raise for what needs reading, or is missing, or of another kind."""
    step, attempt = (_only(table[name].combine_chunks()) for name in ("steps", "attempts"))
    served = table["served"].combine_chunks()
    _require(PINNED not in _there(table["policy"]).unique().to_pylist())
    ok = ~_flags(served.is_null())
    _require(bool((_numbers(served)[ok] == 0).all()))
    drawing = _drawing(step)
    sat = _flags(_there(attempt.field("judged")))
    paid = _paid(attempt.field("judgements"), sat)
    judged = _numbers_or_null(attempt.field("quality"), 0.0, SHARE, where=sat)
    heard = _heard(table["feedback"].combine_chunks())
    value_s = _numbers_or_null(table["value_s"].combine_chunks(), LEAST, MOST)
    latency = _within(table["latency_s"].combine_chunks(), 0.0, MOST)
    _within(attempt.field("latency_s"), 0.0, MOST)
    return Columns(
        at=_times(table["created_at"].combine_chunks(), *span),
        ids=hashed(table["id"].to_pylist()),
        value_usd=_within(table["value_usd"].combine_chunks(), LEAST, MOST),
        waited=np.where(np.isnan(value_s), 0.0, latency / np.where(np.isnan(value_s), 1.0, value_s)),
        cost_usd=_within(attempt.field("cost_usd"), 0.0, MOST) + paid,
        judges_usd=np.where(ok, paid, 0.0),
        quality=np.where(ok, np.where(np.isnan(heard), judged, heard), 0.0),
        share=np.where(ok, drawing.judge, 1.0),
        asked=np.where(ok, sat, True),
        known=_flags(_there(table["propensities"].combine_chunks())),
        category=_named(table["context"].combine_chunks().field("category")),
        start=drawing.start,
        drawn=drawing.drawn,
        owner=drawing.owner,
        model=_named(drawing.actions.field("model")),
        tier=_within(drawing.actions.field("tier"), -MOST, MOST).astype(np.int64),
        expected_usd=_within(drawing.actions.field("cost_usd"), 0.0, MOST),
        pmf=drawing.pmf,
        propensity=_within(step.field("propensity"), 0.0, SHARE),
        carried={
            name.removeprefix(TARGET_PROB): _numbers_or_null(table[name].combine_chunks(), 0.0, SHARE)
            for name in carried
        },
    )


def _features(table: Any, found: Columns) -> Features:
    return of_columns(_there(table["context"].combine_chunks()), found.value_usd)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Drawing:
    """What was drawn from: see `Columns`; `judge` (n) is the probability of judging what was drawn."""

    actions: Any
    start: NDArray[np.intp]
    drawn: NDArray[np.intp]
    owner: NDArray[np.intp]
    pmf: Vector
    judge: Vector


def _drawing(step: Any) -> _Drawing:
    actions, sizes = step.field("actions"), _sizes(step.field("actions"))
    judge, judging = step.field("judge"), _sizes(step.field("judge"))
    predicted = _sizes(step.field("predicted"))
    everywhere = np.array_equal(judging, sizes)
    _require(bool((sizes > 0).all()) and np.array_equal(_sizes(step.field("pmf")), sizes))
    _require(everywhere or not judging.any())
    _require(bool(((predicted == 0) | (predicted == sizes)).all()))
    chosen = _within(step.field("chosen"), 0, MOST)
    _require(bool((chosen < sizes).all()))
    start = np.cumsum(sizes) - sizes
    drawn = start + chosen.astype(np.intp)
    pmf = _within(step.field("pmf").flatten(), 0.0, SHARE)
    _require(bool((np.abs(np.add.reduceat(pmf, start) - 1) <= SUM).all() and (pmf[drawn] > 0).all()))
    asked = _within(judge.flatten(), 0.0, SHARE)[drawn] if everywhere else np.ones(len(sizes))
    _require(not (_flags(_there(step.field("judged"))) & (asked <= 0)).any())
    return _Drawing(
        actions=_there(actions.flatten()),
        start=start,
        drawn=drawn,
        owner=np.repeat(np.arange(len(sizes)), sizes),
        pmf=pmf,
        judge=asked,
    )


def _only(lists: Any) -> Any:
    """Return the entries of lists of one entry each."""
    _require(bool((_sizes(lists) == 1).all()))
    return _there(lists.flatten())


def _heard(said: Any) -> Vector:
    """Return the score of the feedback, NaN where there is none.

    Raise where any needs more than its score taken: several, too late to count, or of a kind of its own.
    """
    counts, each = _sizes(said), said.flatten()
    _there(each.field("seq"))
    kinds = each.field("kind").unique().to_pylist()
    _require(bool((counts <= 1).all()) and not _flags(_there(each.field("late"))).any())
    _require(all(kind in ("score", "label", "thumbs") for kind in kinds))
    heard = np.full(len(said), np.nan)
    heard[counts > 0] = _within(each.field("score"), 0.0, SHARE)
    return heard


def _paid(judges: Any, sat: NDArray[np.bool_]) -> Vector:
    """Return what the judges of each answer cost, 0 where they did not sit."""
    owners = np.repeat(np.arange(len(sat)), _sizes(judges))
    usd = _within(judges.flatten().field("cost_usd"), 0.0, MOST)
    return np.where(sat, np.bincount(owners, weights=usd, minlength=len(sat)), 0.0)


def _times(created: Any, since: datetime | None, until: datetime | None) -> Vector:
    """Return seconds since 1970; raise unless all are in [since, until)."""
    _require(str(created.type) == "timestamp[us, tz=UTC]")
    ends = [(end - EARLIEST) // _MICROSECOND for end in (since or EARLIEST, until or LATEST)]
    return _within(created.cast("int64"), max(ends[0], 0), ends[1] - 1) / 1e6


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError("to be read the plain way")


def _there(array: Any) -> Any:
    """Return an array that has no nulls."""
    _require(array.null_count == 0)
    return array


def _numbers(array: Any) -> Vector:
    """Return an Arrow array of numbers, NaN where there is none."""
    found: Vector = np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)
    return found


def _within(array: Any, low: float, high: float) -> Vector:
    """Return numbers that all lie in [low, high]."""
    found = _numbers(array)
    _require(not len(found) or bool(found.min() >= low and found.max() <= high))
    return found


def _numbers_or_null(array: Any, low: float, high: float, where: NDArray[np.bool_] | None = None) -> Vector:
    """Return numbers that lie in [low, high] or are null, NaN for these and where they do not count."""
    found, nulls = _numbers(array), _flags(array.is_null())
    if where is not None:
        nulls, found = nulls | ~where, np.where(where, found, np.nan)
    _require(bool((nulls | ((found >= low) & (found <= high))).all()))
    return found


def _flags(array: Any) -> NDArray[np.bool_]:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=bool)


def _sizes(lists: Any) -> NDArray[np.intp]:
    """Return how many entries each of some lists has, none of which is null."""
    return np.diff(_numbers(_there(lists).offsets)).astype(np.intp)


def _named(texts: Any) -> Named:
    array = _there(texts).dictionary_encode()
    return Named(codes=_numbers(array.indices).astype(np.int32), names=tuple(array.dictionary.to_pylist()))
