"""Tells from probes whether a newcomer could win anywhere; a pure rule, which calls and stores nothing.

Each probe is compared with what the user got for the same request, so that hard requests are hard for both. Two ways
to win are looked at: to answer in place of what was served, and to be tried before it, where the better of the two
judged answers counts and the newcomer's price and judges are paid on top.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.types import Comparison, Quiet

LEAST: Final = 12
"""Probes before anything is concluded."""
TRIES: Final = 2
"""How often as many probes are made as are to be compared: some fail, and some have nothing to be compared with."""
SURE: Final = 2.5
"""Standard errors beyond which it is concluded early: one looks after every probe."""
POSSIBLE: Final = 1.28
"""Standard errors within which a win is still possible when all probes are made."""
LEAN: Final = 8.0
"""A category's mean leans on the mean of all as on so many probes of its own."""
LEAST_DEVIATION: Final = 0.02
WORTH: Final = 0.005
"""What a win must come to at least, in units of the dial."""
PASSED_OVER: Final = 200
"""So many requests without a probe say that there is little to probe with ..."""
IDLE: Final = timedelta(minutes=10)
"""... when they came in so long at least: then others need not wait for this one ..."""
GIVEN_UP: Final = timedelta(days=3)
"""... and after so long, in which the day's budget was there anew more than once, nothing more is waited for."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """Whether a newcomer may take users' requests, why, and the numbers of it."""

    lets_in: bool
    reason: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


def is_quiet(quiet: Quiet, now: datetime, *, span: timedelta) -> bool:
    """Tell whether a model was passed over by so many requests, and for so long, that it says something."""
    return quiet.requests >= PASSED_OVER and now - quiet.since >= span


def conclusion(found: Sequence[Comparison], *, most: int, passed_over: int = 0) -> Conclusion | None:
    """Return what the probes of a newcomer say, of which there are to be `most`; None while that is open.

    `passed_over`: it is probed no more, as so many requests were not worth a probe; 0: it is.
    """
    result = _conclusion(found, most=most, over=passed_over > 0)
    if result and passed_over:
        return replace(result, numbers={**result.numbers, "passed_over": passed_over})
    return result


def _conclusion(found: Sequence[Comparison], *, most: int, over: bool) -> Conclusion | None:
    if over and not found:
        return Conclusion(lets_in=False, reason="no request was worth a probe at its price", numbers={"probes": 0})
    failed = sum(each.quality is None for each in found)
    known = [each for each in found if each.quality is not None and each.baseline is not None]
    if failed >= LEAST and failed > len(known):
        numbers = {"probes": len(found), "failed": failed}
        return Conclusion(lets_in=False, reason="most of its probes failed", numbers=numbers)
    over = over or len(known) >= most or len(found) >= TRIES * most
    if len(known) < LEAST and not (over and known):
        return Conclusion(lets_in=False, reason="its probes could not be compared") if over else None
    place, front = _gains(known)
    cells = _by_category(known, place, front)
    best = max(cells, key=lambda each: each.upper)
    numbers = _numbers(found, known, best, place, front)
    if max(_lower(place), _lower(front)) > WORTH:
        return Conclusion(lets_in=True, reason="its answers are worth more than what was served", numbers=numbers)
    if over and best.upper > WORTH:
        return Conclusion(lets_in=True, reason=f"it could win in {best.category}", numbers=numbers)
    if over or all(cell.surely_below for cell in cells):
        return Conclusion(lets_in=False, reason="it could win nowhere", numbers=numbers)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """What a newcomer may gain in a category, in units of the dial."""

    category: str
    mean: float
    upper: float
    surely_below: bool


def _gains(known: Sequence[Comparison]) -> tuple[Vector, Vector]:
    """Return what each probe would have gained in place of what was served, and before it."""
    quality = np.array([each.quality for each in known], dtype=np.float64)
    cost = np.array([each.cost for each in known])
    judging = np.array([each.judging for each in known])
    baseline = np.array([each.baseline for each in known], dtype=np.float64)
    return quality - cost - baseline, np.maximum(quality - baseline, 0.0) - cost - judging


def _by_category(known: Sequence[Comparison], *gains: Vector) -> list[_Cell]:
    """Return what each of the ways to win may gain in each category that was probed."""
    categories = np.array([each.category for each in known])
    return [
        _cell(str(category), gain, gain[categories == category]) for category in np.unique(categories) for gain in gains
    ]


def _cell(category: str, gain: Vector, own: Vector) -> _Cell:
    weight = len(own) + LEAN
    mean = float((own.sum() + LEAN * gain.mean()) / weight)
    error = _deviation(gain) / math.sqrt(weight)
    return _Cell(category=category, mean=mean, upper=mean + POSSIBLE * error, surely_below=mean + SURE * error < WORTH)


def _lower(gain: Vector) -> float:
    return float(gain.mean()) - SURE * _deviation(gain) / math.sqrt(len(gain))


def _deviation(gain: Vector) -> float:
    return max(float(gain.std(ddof=1)) if len(gain) > 1 else 1.0, LEAST_DEVIATION)


def _numbers(
    found: Sequence[Comparison], known: Sequence[Comparison], best: _Cell, place: Vector, front: Vector
) -> dict[str, Any]:
    return {
        "probes": len(found),
        "quality": round(float(np.mean([each.quality for each in known if each.quality is not None])), 4),
        "gain_in_place": round(float(place.mean()), 4),
        "gain_in_front": round(float(front.mean()), 4),
        "best_category": best.category,
        "gain_there": round(best.mean, 4),
        "at_most": round(best.upper, 4),
    }
