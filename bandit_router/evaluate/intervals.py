"""Intervals for means and ratios of weighted rows, kept honest where few rows matter; they weigh nothing themselves."""

from __future__ import annotations

import math
from collections.abc import Iterable

from bandit_router.evaluate.checks import Vector
from bandit_router.evaluate.quantile import student
from bandit_router.evaluate.slope import Moments

# Two half rows, at the ends of what a row could have held: a log in which all rows agree has not shown that all do.
_MASS = 0.5


def mean_interval(scores: Moments, ends: tuple[float, float], alpha: float) -> tuple[float, float]:
    """Return Student's interval for a mean of scores, with half a row at each end of what a score can be."""
    padded = Moments(
        total=scores.total + _MASS * sum(ends),
        square=scores.square + _MASS * sum(end * end for end in ends),
        n=scores.n + 1,
    )
    half = student(1 - alpha / 2, scores.n) * padded.error
    return padded.mean - half, padded.mean + half


def ratio(weight: Vector, outcome: Vector) -> float:
    """Return sum w y / sum w, 0 without any weight."""
    total = float(weight.sum())
    return float(weight @ outcome) / total if total else 0.0


def ratio_interval(
    weight: Vector, outcome: Vector, *, ends: tuple[float, float], heaviest: float, alpha: float
) -> tuple[float, float]:
    """Return the delta method's interval for sum w y / sum w, with half a row of the largest weight at each end."""
    weighted = weight * outcome
    total = float(weight.sum()) + 2 * _MASS * heaviest
    centre = (float(weighted.sum()) + _MASS * heaviest * sum(ends)) / total
    squares = float(weighted @ weighted) - 2 * centre * float(weight @ weighted) + centre**2 * float(weight @ weight)
    squares += _MASS * heaviest**2 * sum((end - centre) ** 2 for end in ends)
    half = student(1 - alpha / 2, len(weight)) * math.sqrt(max(squares, 0.0)) / total
    return centre - half, centre + half


def clipped(interval: tuple[float, float], value: float, bounds: Iterable[float]) -> tuple[float, float]:
    """Return the interval within the rewards' range, stretched to hold the value where the value lies in that range."""
    least, most = bounds
    inside = min(max(value, least), most)
    return min(max(interval[0], least), inside), max(min(interval[1], most), inside)
