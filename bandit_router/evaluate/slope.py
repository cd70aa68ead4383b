"""SLOPE: choose the shrinkage of an estimator from the data; it knows no estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bandit_router.evaluate.quantile import student

# The candidates obp tries: the infinite one is the estimator as it is.
CANDIDATES: Final = (10.0, 50.0, 100.0, 500.0, 1000.0, 5000.0, 10000.0, math.inf)
# Of SLOPE++ (Tucker and Lee, 2021): wider intervals have to be near by less than their whole width.
_SLACK: Final = math.sqrt(6) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Sum and sum of squares of n scores, whose mean is an estimate."""

    total: float
    square: float
    n: int

    @property
    def mean(self) -> float:
        """Return the mean score."""
        return self.total / self.n

    @property
    def error(self) -> float:
        """Return the standard error of the mean."""
        spread = max(self.square - self.total * self.mean, 0.0)
        return math.sqrt(spread / max(self.n - 1, 1) / self.n)


def slope(candidates: Sequence[Moments]) -> int:
    """Return which estimate to trust: the narrowest that no wider one contradicts (Su et al., 2020).

    Bias is taken to grow as the width shrinks: one walks from wide to narrow and stops before the first whose interval
    misses one passed before.
    """
    quantile = student(0.95, candidates[0].n - 1)
    width = [quantile * moments.error for moments in candidates]
    order = sorted(range(len(candidates)), key=lambda i: (-width[i], -i))
    passed: list[int] = []
    for i in order:
        apart = (abs(candidates[j].mean - candidates[i].mean) - width[i] - _SLACK * width[j] for j in passed)
        if any(gap > 0 for gap in apart):
            break
        passed.append(i)
    return passed[-1]
