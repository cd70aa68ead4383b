"""Measures whether judges lean towards long answers, families of models or places; what to do of it, it leaves open."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.judge.graded import Graded
from bandit_router.judge.scale import Scale, Vector

LEAST: Final = 50
"""So many answers are needed for a figure; so many with known truth to measure against truth."""
EACH: Final = 10
"""So many of them in a family and outside of it, or first and later."""
SURE: Final = 1.96
"""Deviations of a normal law within which 95 % lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bias:
    """By how many of its deviations a judge's verdict is higher than the answer's quality accounts for.

    `against` says for what: a deviation more of log length, a family instead of another, a later place instead of the
    first. `low` and `high` are the ends of its 95 % interval.
    """

    judge: str
    against: str
    effect: float
    low: float
    high: float
    n: int
    reference: str
    """What stood for the quality: `truth`, or the `consensus` of the other judges."""
    warning: bool = False


def biases(answers: Sequence[Graded], *, families: Mapping[str, str], limits: Mapping[str, float]) -> list[Bias]:
    """Return each judge's biases; `families` gives a model's family, `limits` by `length`, `family`, `order`.

    A bias beyond its limit whose interval excludes 0 carries a warning.
    """
    scale = Scale.of([answer.verdicts for answer in answers])
    placed, found = scale.place([answer.verdicts for answer in answers]), []
    for column, judge in enumerate(scale.judges):
        deviation = float(scale.deviations[column])
        rows, quality, reference = _against(placed, answers, column)
        if deviation < 1e-6 or len(rows) < LEAST:
            continue
        said = placed[rows, column] / deviation
        for kind, name, exposure in _exposures([answers[row] for row in rows], families):
            effect, error = _slope(said, quality, exposure)
            low, high = effect - SURE * error, effect + SURE * error
            warning = abs(effect) > limits[kind] and not low <= 0 <= high
            found.append(
                Bias(
                    judge=judge,
                    against=name,
                    effect=effect,
                    low=low,
                    high=high,
                    n=len(rows),
                    reference=reference,
                    warning=warning,
                )
            )
    return found


def _against(placed: Vector, answers: Sequence[Graded], column: int) -> tuple[NDArray[np.intp], Vector, str]:
    """Return the answers (rows) that a judge is measured on, and their quality: the truth, or what the others say."""
    said = ~np.isnan(placed[:, column])
    truths = np.array([math.nan if answer.truth is None else answer.truth for answer in answers])
    known = np.flatnonzero(said & ~np.isnan(truths))
    if len(known) >= LEAST:
        return known, truths[known], "truth"
    others = np.delete(placed, column, axis=1)
    there = ~np.isnan(others)
    heard = np.flatnonzero(said & there.any(axis=1))
    sums = np.where(there, others, 0.0).sum(axis=1)[heard]
    return heard, sums / there.sum(axis=1)[heard], "consensus"


def _exposures(answers: Sequence[Graded], families: Mapping[str, str]) -> Iterator[tuple[str, str, Vector]]:
    """Yield (kind, name, values) of what a verdict should not depend on, where there is enough of either."""
    length = np.log2(1.0 + np.array([answer.output_tokens for answer in answers]))
    if length.std() > 0:
        yield "length", "length", (length - length.mean()) / length.std()
    later = np.array([float(answer.earlier > 0) for answer in answers])
    if EACH <= later.sum() <= len(later) - EACH:
        yield "order", "order", later
    made = [families.get(answer.model, answer.model) for answer in answers]
    for family in sorted(set(made)):
        own = np.array([float(each == family) for each in made])
        if EACH <= own.sum() <= len(own) - EACH:
            yield "family", f"family {family}", own


def _slope(said: Vector, quality: Vector, exposure: Vector) -> tuple[float, float]:
    """Return the slope of what is said on the exposure at equal quality, and its standard error.

    Least squares with errors that hold whatever the noise (White, 1980; HC1).
    """
    lines = np.column_stack([np.ones(len(said)), quality, exposure])
    inverse = np.linalg.pinv(lines.T @ lines)
    weights = inverse @ lines.T @ said
    left = said - lines @ weights
    meat = (lines * (left**2)[:, None]).T @ lines * len(said) / max(len(said) - 3, 1)
    return float(weights[2]), float(math.sqrt(max((inverse @ meat @ inverse)[2, 2], 0.0)))
