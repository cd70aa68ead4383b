"""Compares reviewers with each other and with the panel; it reads no review."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from bandit_router.types import Grade

GOOD: Final = 0.5
"""A grade or a quality from here on calls the answer good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often two sides agree on good or bad; `kappa` is None where chance alone would have them always agree."""

    items: int
    agreement: float | None
    """Share in [0, 1]; None when there is nothing to compare."""
    kappa: float | None
    """Cohen's kappa (1960), at most 1; 0 is what chance gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of the reviews so far."""

    items: int
    grades: int
    overall: Agreement
    """All pairs of reviewers: the means over the pairs, by how many answers each pair has in common."""
    pairs: Mapping[tuple[str, str], Agreement]
    panel: Mapping[str, Agreement]
    """The panel's quality against the mean grade of an answer, by the reason it was queued for."""


def report(grades: Sequence[Grade]) -> Report:
    """Return the report of all grades given."""
    by_item: dict[str, list[Grade]] = defaultdict(list)
    for grade in grades:
        by_item[grade.decision_id].append(grade)
    pairs = _pairs(by_item)
    return Report(
        items=len(by_item),
        grades=len(grades),
        overall=_overall(list(pairs.values())),
        pairs=pairs,
        panel=_panel(by_item),
    )


def compare(sides: Sequence[tuple[bool, bool]]) -> Agreement:
    """Return how two sides agree that both said good (True) or bad of the same answers.

    >>> compare([(True, True), (True, False), (False, False), (False, False)])
    Agreement(items=4, agreement=0.75, kappa=0.5)
    """
    n = len(sides)
    if not n:
        return Agreement(items=0, agreement=None, kappa=None)
    observed = sum(a == b for a, b in sides) / n
    first, second = (sum(side) / n for side in zip(*sides, strict=True))
    chance = first * second + (1 - first) * (1 - second)
    kappa = None if chance >= 1 else (observed - chance) / (1 - chance)
    return Agreement(items=n, agreement=observed, kappa=kappa)


def _pairs(by_item: Mapping[str, Sequence[Grade]]) -> Mapping[tuple[str, str], Agreement]:
    sides: dict[tuple[str, str], list[tuple[bool, bool]]] = defaultdict(list)
    for graded in by_item.values():
        for a, b in combinations(sorted(graded, key=lambda grade: grade.reviewer), 2):
            sides[a.reviewer, b.reviewer].append((a.score >= GOOD, b.score >= GOOD))
    return {names: compare(said) for names, said in sorted(sides.items())}


def _overall(pairs: Sequence[Agreement]) -> Agreement:
    return Agreement(
        items=sum(pair.items for pair in pairs),
        agreement=_mean([(pair.agreement, pair.items) for pair in pairs]),
        kappa=_mean([(pair.kappa, pair.items) for pair in pairs]),
    )


def _panel(by_item: Mapping[str, Sequence[Grade]]) -> Mapping[str, Agreement]:
    sides: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for graded in by_item.values():
        quality, mean = graded[0].quality, math.fsum(grade.score for grade in graded) / len(graded)
        if quality is not None:
            sides[graded[0].reason].append((quality >= GOOD, mean >= GOOD))
    return {reason: compare(said) for reason, said in sorted(sides.items())}


def _mean(weighed: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in weighed if value is not None]
    if not known:
        return None
    return math.fsum(value * weight for value, weight in known) / sum(weight for _, weight in known)
