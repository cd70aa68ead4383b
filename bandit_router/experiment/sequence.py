"""Intervals that hold at every look at once, however often one peeks; they know no arm and no metric.

Asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, 2021): whatever has a standard error s
after t units gets s times a multiplier that grows with t no faster than the square root of its logarithm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

MIN_UNITS: Final = 50
"""Fewer units than this in an arm say nothing: a standard error from so few cannot be relied on at every look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """An estimate with its standard error, from n units."""

    value: float
    error: float
    n: int

    @property
    def variance(self) -> float:
        """Return the variance of one unit."""
        return self.error**2 * self.n


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An estimate with bounds that hold at every look: both at once at 1 - alpha, each of `above`, `below` alone too.

    `n` is the units it is from, `p` the anytime-valid p-value of there being nothing.
    """

    value: float
    low: float
    high: float
    above: float
    """A lower bound by itself."""
    below: float
    """An upper bound by itself."""
    error: float
    n: int
    p: float


def effect(estimate: Mean, *, alpha: float, planned: int, enough: bool = True) -> Effect:
    """Return an estimate with its bounds; without bounds when there is not `enough` to go by."""
    if not enough or not math.isfinite(estimate.error):
        return Effect(
            value=estimate.value,
            low=-math.inf,
            high=math.inf,
            above=-math.inf,
            below=math.inf,
            error=estimate.error,
            n=estimate.n,
            p=1.0,
        )
    both = estimate.error * two_sided(estimate.n, alpha=alpha, planned=planned)
    one = estimate.error * one_sided(estimate.n, alpha=alpha, planned=planned)
    return Effect(
        value=estimate.value,
        low=estimate.value - both,
        high=estimate.value + both,
        above=estimate.value - one,
        below=estimate.value + one,
        error=estimate.error,
        n=estimate.n,
        p=p_value(estimate, alpha=alpha, planned=planned),
    )


def two_sided(t: int, *, alpha: float, planned: int) -> float:
    """Return how many standard errors wide each side is after t units; narrowest near `planned`.

    >>> round(two_sided(2000, alpha=0.05, planned=2000), 2), round(two_sided(20000, alpha=0.05, planned=2000), 2)
    (3.04, 3.24)
    """
    seen = t * _rho_squared(alpha, planned)
    return math.sqrt(2 * (seen + 1) / seen * math.log(math.sqrt(seen + 1) / alpha))


def one_sided(t: int, *, alpha: float, planned: int) -> float:
    """Return the same for a bound on one side alone."""
    seen = t * _rho_squared(2 * alpha, planned)
    return math.sqrt(2 * (seen + 1) / seen * math.log1p(math.sqrt(seen + 1) / (2 * alpha)))


def p_value(estimate: Mean, *, alpha: float, planned: int) -> float:
    """Return the least level at which the two-sided sequence leaves 0 out; its shape is the one tuned for alpha."""
    if estimate.error <= 0:
        return 1.0 if estimate.value == 0 else 0.0
    seen = estimate.n * _rho_squared(alpha, planned)
    exponent = (estimate.value / estimate.error) ** 2 * seen / (2 * (seen + 1))
    return min(1.0, math.sqrt(seen + 1) * math.exp(-min(exponent, 700.0)))


def _rho_squared(alpha: float, planned: int) -> float:
    """Return the rate that makes the sequence narrowest at the planned number of units."""
    doubt = -2 * math.log(alpha)
    return (doubt + math.log(doubt + 1)) / planned
