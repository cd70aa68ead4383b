"""Sample-ratio mismatch: whether the arms got the shares they were to get, looked at as often as one likes.

The Bayes factor of a Dirichlet over the shares against the planned ones is a martingale when all is well (Lindon and
Malek, 2022), so the chance that it ever passes 1 / alpha is at most alpha.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

ALPHA: Final = 0.01
"""A wrong alarm stops an experiment that is well, so it is to be rarer than other errors."""
_CONCENTRATION: Final = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """How many units each arm has, how many it should have, and the anytime-valid p-value of that."""

    counts: tuple[int, ...]
    expected: tuple[float, ...]
    p: float

    @property
    def broken(self) -> bool:
        """Return whether the assignment cannot be what it is said to be."""
        return self.p < ALPHA


def mismatch(counts: Sequence[int], weights: Sequence[float]) -> Mismatch:
    """Compare the numbers of units with the arms' weights.

    >>> mismatch([1650, 1350], [1, 1]).broken, mismatch([1530, 1470], [1, 1]).broken
    (True, False)
    """
    n, total = sum(counts), math.fsum(weights)
    shares = [weight / total for weight in weights]
    prior = [share * _CONCENTRATION for share in shares]
    log_factor = math.lgamma(_CONCENTRATION) - math.lgamma(_CONCENTRATION + n)
    for count, alpha, share in zip(counts, prior, shares, strict=True):
        log_factor += math.lgamma(alpha + count) - math.lgamma(alpha) - count * math.log(share)
    return Mismatch(
        counts=tuple(counts),
        expected=tuple(n * share for share in shares),
        p=min(1.0, math.exp(-min(max(log_factor, -700.0), 700.0))),
    )
