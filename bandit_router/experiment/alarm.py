"""A lower bound that is surest to show a breach by the time one is to be seen, at every look; it knows no guardrail.

The risk is dealt out to horizons a factor of four apart. Until its horizon T, each has a bound that is flat in the sum
of what was seen (O'Brien and Fleming, 1979): a walk without drift crosses it with probability 2 (1 - Phi(c / sqrt T)).
Most of the risk goes to the horizon asked for; shorter ones catch what is far worse, longer ones what is less bad.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Final

from bandit_router.experiment.sequence import Mean

_APART: Final = 4.0
_MAIN: Final = 0.8
"""The share of the risk that the horizon asked for has."""
_SHORTER: Final = (0.05, 0.05)
_AHEAD: Final = 3
"""Of the horizons yet to come, those further off than this are never the nearest bound."""


def at_least(estimate: Mean, *, alpha: float, horizon: float) -> float:
    """Return what an estimate is above with probability 1 - alpha at every look; `horizon` is in units, as its n."""
    if not math.isfinite(estimate.error) or estimate.n == 0:
        return -math.inf
    return estimate.value - estimate.error * multiplier(estimate.n, alpha=alpha, horizon=horizon)


def multiplier(t: int, *, alpha: float, horizon: float) -> float:
    """Return how many standard errors away the bound is after t units.

    >>> round(multiplier(1000, alpha=0.1, horizon=1000), 2), round(multiplier(250, alpha=0.1, horizon=1000), 2)
    (1.75, 2.81)
    """
    quantile = NormalDist().inv_cdf
    return min(quantile(1 - alpha * share / 2) * math.sqrt(end / t) for end, share in _horizons(t, horizon))


def _horizons(t: int, horizon: float) -> Iterator[tuple[float, float]]:
    """Yield the horizons that are not over after t units, with their shares of the risk, which add up to 1."""
    first = max(-len(_SHORTER), math.ceil(math.log(t / horizon, _APART) - 1e-9))
    for k in range(first, max(first, 0) + _AHEAD):
        yield horizon * _APART**k, _share(k)


def _share(k: int) -> float:
    if k < 0:
        return _SHORTER[-k - 1]
    return _MAIN if k == 0 else (1 - _MAIN - sum(_SHORTER)) * 2.0**-k
