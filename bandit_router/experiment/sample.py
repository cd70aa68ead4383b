"""A mean over requests, or a quantile of them, whose error is that of the units they came from; it compares nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit_router.experiment.sequence import Mean

Vector = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An estimate and what each unit adds to its error: their mean is 0 and their spread the estimate's."""

    value: float
    influence: Vector
    shift: Vector | None = None
    """What each unit adds to the error of the level that all arms were brought to; None where there is none.

    It is not in `influence`, as it cancels where one arm is taken from another.
    """

    @property
    def mean(self) -> Mean:
        """Return the estimate with its standard error; infinite below two units."""
        n = len(self.influence)
        if n < 2:
            return Mean(value=self.value, error=math.inf, n=n)
        return Mean(value=self.value, error=math.sqrt(float(self.influence @ self.influence) / (n - 1) / n), n=n)


def weighed(sample: Sample, own: float, other: float) -> Sample:
    """Return `own` times an arm's estimate, from which `other` times another arm's is to be taken."""
    influence = own * sample.influence
    if sample.shift is not None:
        influence = influence + (own - other) * sample.shift
    return Sample(value=own * sample.value, influence=influence)


def mean_sample(y: Vector, unit: Codes, n: int) -> Sample:
    """Return the mean of the requests in y that are not NaN; `unit` says which of the n units each is of.

    The error is that of a ratio, requests of one unit being alike: sum over units / number of requests.
    """
    known = ~np.isnan(y)
    if not known.any():
        return Sample(value=math.nan, influence=np.full(n, math.nan))
    value = float(y[known].mean())
    return Sample(value=value, influence=_per_unit(y[known] - value, unit[known], n))


def quantile_sample(y: Vector, unit: Codes, n: int, *, at: float) -> Sample:
    """Return a quantile of the requests in y; its error by the slope of the quantiles around it (Siddiqui, 1960)."""
    y, unit = y[~np.isnan(y)], unit[~np.isnan(y)]
    if len(y) < 2:
        return Sample(value=math.nan, influence=np.full(n, math.nan))
    reach = min((1 - at) / 2, 1.5 * math.sqrt(at * (1 - at) / len(y)))
    value, low, high = (float(np.quantile(y, p)) for p in (at, at - reach, at + reach))
    slope = (high - low) / (2 * reach)
    parts: Vector = slope * (at - (y <= value).astype(np.float64))
    return Sample(value=value, influence=_per_unit(parts, unit, n))


def sums(y: Vector, unit: Codes, n: int) -> Vector:
    """Return each unit's sum."""
    return np.bincount(unit, weights=y, minlength=n).astype(np.float64)


def _per_unit(parts: Vector, unit: Codes, n: int) -> Vector:
    added = sums(parts, unit, n) * (n / len(parts))
    centred: Vector = added - added.mean()
    return centred
