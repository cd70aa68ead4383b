"""Tells from probes whether a newcomer could win anywhere; a pure rule, which calls and stores nothing.

Each probe is compared with what the user got for the same request, so that hard requests are hard for both. Three ways
to win are looked at: to answer in place of what was served; to be tried before it, where the better of the two judged
answers counts and the newcomer's price and judges are paid on top; and to be tried after it, where that was judged
poor. Whoever picks by verdicts picks their errors as well, so in the last two verdicts count for less than they say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.types import Comparison, Prospect, Quiet

LEAST: Final = 12
"""Probes before anything is concluded."""
LOOKS: Final = 4
"""How many times as many are made of one that promises something and has not shown enough."""
TRIES: Final = 2
"""How often as many probes are made as are to be compared: some fail, and some have nothing to be compared with."""
SURE: Final = 2.5
"""Standard errors beyond which it is concluded early: one looks after every probe."""
RELIABILITY: Final = 0.5
"""The share of what tells one verdict from others that is the answers' and not the judges' (a correlation of .7)."""
LEAN: Final = 8.0
"""A category's mean leans on the mean of all as on so many probes of its own."""
LEAST_DEVIATION: Final = 0.02
DEVIATION: Final = 0.5
"""Of one answer's quality about what is predicted of it, at most: two of its standard errors are added for a doubt."""
WORTH: Final = 0.005
"""What a win must come to at least, in units of the dial."""
SHOWN: Final = 0.01
"""What a policy must predict that a newcomer gains on all requests to be let in before all probes are made."""
SPECIAL: Final = 0.03
"""What it must predict in a single category: the best of many categories is the best partly by chance."""
HOPELESS: Final = 0.001
"""What it must predict on all requests for more probes to be made."""
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


def could_win(own: float, best: float, *, cost: float, made: int) -> bool:
    """Tell whether a model could change what is decided on a request, so that a probe with it is worth its price.

    `own` and the `best` of the others are predicted rewards, `cost` what a call of it comes to, all in units of the
    dial; `made` counts its probes so far. Until these are enough to conclude anything, predictions of its quality,
    which are about its kind more than about itself, do not count: then a perfect answer would have to be as good.
    """
    at_most = own + 2 * DEVIATION / math.sqrt(1 + made)
    return (max(at_most, 1 - cost) if made < LEAST else at_most) >= best


def is_quiet(quiet: Quiet, now: datetime, *, span: timedelta) -> bool:
    """Tell whether a model was passed over by so many requests, and for so long, that it says something."""
    return quiet.requests >= PASSED_OVER and now - quiet.since >= span


def conclusion(
    found: Sequence[Comparison], *, most: int, passed_over: int = 0, prospects: Sequence[Prospect] = ()
) -> Conclusion | None:
    """Return what the probes of a newcomer say, of which there are to be `most`; None while that is open.

    `passed_over`: it is probed no more, as so many requests were not worth a probe; 0: it is. `prospects` are the
    requests that were looked at, in order; without them those stand for all that it was probed with.
    """
    result = _conclusion(found, most=most, over=passed_over > 0, prospects=prospects)
    if result and passed_over:
        return replace(result, numbers={**result.numbers, "passed_over": passed_over})
    return result


def _conclusion(
    found: Sequence[Comparison], *, most: int, over: bool, prospects: Sequence[Prospect]
) -> Conclusion | None:
    if over and not found:
        return Conclusion(lets_in=False, reason="no request was worth a probe at its price", numbers={"probes": 0})
    failed = sum(each.quality is None for each in found)
    known = [each for each in found if each.quality is not None and each.baseline is not None]
    if failed >= LEAST and failed > len(known):
        numbers = {"probes": len(found), "failed": failed}
        return Conclusion(lets_in=False, reason="most of its probes failed", numbers=numbers)
    enough = over or _are_made(found, known, most)
    if len(known) < LEAST and not (enough and known):
        return Conclusion(lets_in=False, reason="its probes could not be compared") if enough else None
    ways, predicted = _gains(known), _predicted(known, prospects, made=len(found))
    cells = _by_category([each.category for each in known], ways)
    best = max(_by_category(*predicted) if predicted else cells, key=lambda each: each.mean)
    numbers = _numbers(found, known, best, ways, predicted)
    # Where a policy predicts, what it makes of verdicts is left to it.
    sure = [ways["in_place"]] if predicted else ways.values()
    if max(map(_lower, sure)) > WORTH:
        return Conclusion(lets_in=True, reason="its answers are worth more than what was served", numbers=numbers)
    last = over or _are_made(found, known, LOOKS * most)
    if enough and (_shows(predicted[1], best, last=last) if predicted else best.mean > WORTH):
        return Conclusion(lets_in=True, reason=f"it could win in {best.category}", numbers=numbers)
    promising = predicted is not None and not last and float(predicted[1]["predicted"].mean()) >= HOPELESS
    if (enough and not promising) or all(cell.surely_below for cell in cells):
        return Conclusion(lets_in=False, reason="it could win nowhere", numbers=numbers)
    return None


def _are_made(found: Sequence[Comparison], known: Sequence[Comparison], most: int) -> bool:
    return len(known) >= most or len(found) >= TRIES * most


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """What a newcomer may gain in a category in one of the ways, in units of the dial."""

    category: str
    mean: float
    surely_below: bool


def _shows(predicted: Mapping[str, Vector], best: _Cell, *, last: bool) -> bool:
    """Tell whether what a policy predicts is enough: on all requests, which at last may be less, or in a category."""
    return float(predicted["predicted"].mean()) > (WORTH if last else SHOWN) or best.mean > SPECIAL


def _gains(known: Sequence[Comparison]) -> dict[str, Vector]:
    """Return what each probe would have gained in place of what was served, before it, and after it."""
    quality = np.array([each.quality for each in known], dtype=np.float64)
    cost = np.array([each.cost for each in known])
    judging = np.array([each.judging for each in known])
    baseline = np.array([each.baseline for each in known], dtype=np.float64)
    better = np.maximum(_shrunk(quality - baseline), 0.0)
    after = quality - _shrunk(baseline) - cost - judging
    return {
        "in_place": quality - cost - baseline,
        "in_front": better - cost - judging,
        "behind": np.where(baseline <= np.median(baseline), after, 0.0),
    }


def _predicted(
    known: Sequence[Comparison], prospects: Sequence[Prospect], *, made: int
) -> tuple[Sequence[str], dict[str, Vector]] | None:
    """Return what requests were expected to gain once half of the probes were made, and their categories.

    A policy that predicts knows how far verdicts can be trusted, and has learned from the probes made before. The
    requests probed are those that could gain most, so all that were looked at are counted, if there are enough. None
    where little was predicted.
    """
    later = [(each.category, each.gain) for each in prospects if each.made >= made // 2]
    if len(later) < LEAST:
        later = [(each.category, each.gain) for each in known[len(known) // 2 :] if each.gain is not None]
    if len(later) < LEAST // 2:
        return None
    return [category for category, _ in later], {"predicted": np.array([gain for _, gain in later], dtype=np.float64)}


def _shrunk(verdicts: Vector) -> Vector:
    """Return what verdicts are expected to come to, as they were picked for being high or low."""
    return np.asarray(verdicts.mean() + RELIABILITY * (verdicts - verdicts.mean()))


def _by_category(categories: Sequence[str], ways: Mapping[str, Vector]) -> list[_Cell]:
    """Return what each of the ways to win may gain in each category; both are in the order of the requests."""
    own = np.array(categories)
    return [_cell(str(category), gain, gain[own == category]) for category in np.unique(own) for gain in ways.values()]


def _cell(category: str, gain: Vector, own: Vector) -> _Cell:
    weight = len(own) + LEAN
    mean = float((own.sum() + LEAN * gain.mean()) / weight)
    return _Cell(category=category, mean=mean, surely_below=mean + SURE * _deviation(gain) / math.sqrt(weight) < WORTH)


def _lower(gain: Vector) -> float:
    return float(gain.mean()) - SURE * _deviation(gain) / math.sqrt(len(gain))


def _deviation(gain: Vector) -> float:
    return max(float(gain.std(ddof=1)) if len(gain) > 1 else 1.0, LEAST_DEVIATION)


def _numbers(
    found: Sequence[Comparison],
    known: Sequence[Comparison],
    best: _Cell,
    ways: Mapping[str, Vector],
    predicted: tuple[Sequence[str], Mapping[str, Vector]] | None,
) -> dict[str, Any]:
    ways = {**ways, **(predicted[1] if predicted else {})}
    return {
        "probes": len(found),
        "quality": round(float(np.mean([each.quality for each in known if each.quality is not None])), 4),
        **{f"gain_{way}": round(float(gain.mean()), 4) for way, gain in ways.items()},
        "best_category": best.category,
        "gain_there": round(best.mean, 4),
    }
