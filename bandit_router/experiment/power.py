"""How many units an effect needs before it shows, and which effect a number of units shows; it reads no log."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from bandit_router.experiment.sequence import two_sided

_MOST = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Units over all arms that show an effect with the power asked for: peeking at will, and with one look."""

    effect: float
    units: int
    units_fixed: int


def need(effect: float, deviation: float, *, share: float = 0.5, alpha: float = 0.05, power: float = 0.8) -> Need:
    """Return the units an effect needs when a unit deviates by `deviation` and `share` of the units are treated.

    >>> need(0.1, 1.0).units_fixed
    3140
    """
    spread = deviation / math.sqrt(share * (1 - share))
    fixed = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    return Need(
        effect=effect,
        units=_least(effect, spread, alpha=alpha, power=power),
        units_fixed=math.ceil((fixed * spread / effect) ** 2),
    )


def detectable(units: int, deviation: float, *, share: float = 0.5, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the effect that so many units show, with intervals tuned for that many."""
    spread = deviation / math.sqrt(share * (1 - share))
    return _reach(units, alpha=alpha, power=power) * spread / math.sqrt(units)


def _reach(units: int, *, alpha: float, power: float) -> float:
    """Return the effect, in standard errors, at which the sequence leaves 0 out with the power asked for."""
    return two_sided(units, alpha=alpha, planned=units) + NormalDist().inv_cdf(power)


def _least(effect: float, spread: float, *, alpha: float, power: float) -> int:
    """Return the fewest units; the reach, tuned for where it is, depends on their number hardly at all."""
    reach = _reach(1000, alpha=alpha, power=power)
    return min(_MOST, math.ceil((reach * spread / effect) ** 2))
