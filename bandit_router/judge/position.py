"""Measures whether judges that compare answers lean towards the one shown first; it changes no verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bandit_router.judge.bias import LEAST, SURE
from bandit_router.judge.graded import Graded

EVEN = 0.5
"""The share of a judge that does not look at the order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How often a judge prefers the answer shown first, of two shown in both orders.

    A judge that goes by the answers alone prefers the one shown first in one order and not in the other: half.
    """

    judge: str
    share: float
    low: float
    """The ends of the share's 95 % interval."""
    high: float
    pairs: int
    """Pairs of answers of which it preferred one in some order."""
    disagree: float
    """Share of these pairs of which it preferred one answer in one order and not in the other."""
    warning: bool = False


def positions(answers: Sequence[Graded], *, limit: float) -> list[Position]:
    """Return the lean of each judge that compared at least 50 pairs.

    It carries a warning when its share is further than `limit` from one half and the interval excludes that.
    """
    said: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for answer in answers:
        for judge, preferred in answer.preferred.items():
            if any(preferred):
                said[judge].append(preferred)
    return [_position(judge, pairs, limit) for judge, pairs in sorted(said.items()) if len(pairs) >= LEAST]


def _position(judge: str, pairs: Sequence[tuple[int, ...]], limit: float) -> Position:
    # A pair counts once: what is said of it in its two orders is not independent.
    first = np.array([np.mean([place == 1 for place in preferred if place]) for preferred in pairs])
    # A pair won by either place stands for those not seen, so that fifty alike do not prove that all are.
    widened = np.append(first, [0.0, 1.0])
    spread = SURE * float(widened.std(ddof=1)) / len(widened) ** 0.5
    share, low, high = float(first.mean()), float(widened.mean()) - spread, float(widened.mean()) + spread
    return Position(
        judge=judge,
        share=share,
        low=min(max(low, 0.0), share),
        high=max(min(high, 1.0), share),
        pairs=len(pairs),
        disagree=float(np.mean([sorted(preferred) not in ([1, 2], [0, 0]) for preferred in pairs])),
        warning=abs(share - EVEN) > limit and not low <= EVEN <= high,
    )
