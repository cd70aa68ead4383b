"""Compares two arms' estimates: by how much, and by which share, one is above the other; it takes no decision."""

from __future__ import annotations

import math
from dataclasses import replace

from bandit_router.experiment.sequence import MIN_UNITS, Effect, Mean, effect
from bandit_router.experiment.spec import Metric


def single(arm: Mean, *, alpha: float, planned: int) -> Effect:
    """Return one arm's estimate with its bounds."""
    return effect(arm, alpha=alpha, planned=planned, enough=arm.n >= MIN_UNITS)


def difference(treated: Mean, control: Mean, *, alpha: float, planned: int) -> Effect:
    """Return treated - control."""
    return effect(apart(treated, control), alpha=alpha, planned=planned, enough=_enough(treated, control))


def ratio(treated: Mean, control: Mean, *, alpha: float, planned: int) -> Effect:
    """Return treated / control - 1, with bounds from the logarithm; both have to be above 0."""
    if not (treated.value > 0 and control.value > 0):
        value = treated.value / control.value - 1 if control.value else math.nan
        return effect(Mean(value=value, error=math.inf, n=treated.n + control.n), alpha=alpha, planned=planned)
    log = apart(_logarithm(treated), _logarithm(control))
    found = effect(log, alpha=alpha, planned=planned, enough=_enough(treated, control))
    return Effect(
        value=math.expm1(found.value),
        low=math.expm1(found.low),
        high=_expm1(found.high),
        above=math.expm1(found.above),
        below=_expm1(found.below),
        error=found.error,
        n=found.n,
        p=found.p,
    )


def apart(treated: Mean, control: Mean) -> Mean:
    """Return the difference with its error, the arms being independent."""
    return Mean(
        value=treated.value - control.value,
        error=math.hypot(treated.error, control.error),
        n=treated.n + control.n,
    )


def cautious(mean: Mean, metric: Metric, *, times: float = 1.0) -> Mean:
    """Return the mean with no less of an error than one request in doubt makes: that all agree does not show all do.

    The mean is `times` that of the metric.
    """
    bounded = metric in ("reward", "quality", "error_rate", "refusal_rate") and mean.n > 0
    return replace(mean, error=max(mean.error, abs(times) / mean.n)) if bounded else mean


def _logarithm(mean: Mean) -> Mean:
    return Mean(value=math.log(mean.value), error=mean.error / mean.value, n=mean.n)


def _expm1(x: float) -> float:
    return math.expm1(x) if x < 700 else math.inf


def _enough(treated: Mean, control: Mean) -> bool:
    return min(treated.n, control.n) >= MIN_UNITS
