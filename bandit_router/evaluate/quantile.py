"""Quantiles and tails of the t and chi-square distributions, without scipy; they know nothing of policies."""

from __future__ import annotations

import math
from statistics import NormalDist


def normal(p: float) -> float:
    """Return the p quantile of the standard normal."""
    return NormalDist().inv_cdf(p)


def student(p: float, df: int) -> float:
    """Return the p quantile of Student's t: closed below 3 degrees, else Abramowitz and Stegun 26.7.5.

    >>> round(student(0.975, 10), 3), round(student(0.975, 1), 2)
    (2.228, 12.71)
    """
    if df <= 1:
        return math.tan(math.pi * (p - 0.5))
    if df == 2:
        return (2 * p - 1) / math.sqrt(2 * p * (1 - p))
    z = normal(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / float(df) ** power for power, term in enumerate(terms, start=1))


def two_sided(z: float) -> float:
    """Return P(|Z| > |z|) of the standard normal."""
    return math.erfc(abs(z) / math.sqrt(2))


def chi_square_tail(x: float, df: int) -> float:
    """Return P(X > x) of chi-square with a whole number of degrees, by the recurrence over them.

    >>> round(chi_square_tail(3.841459, 1), 4), round(chi_square_tail(18.307038, 10), 4)
    (0.05, 0.05)
    """
    if x <= 0 or df < 1:
        return 1.0
    half = x / 2
    tail, start = (math.erfc(math.sqrt(half)), 1) if df % 2 else (math.exp(-half), 2)
    for degrees in range(start, df, 2):
        tail += math.exp(degrees / 2 * math.log(half) - half - math.lgamma(degrees / 2 + 1))
    return min(tail, 1.0)
