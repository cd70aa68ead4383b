"""Empirical likelihood of a policy's value: the default estimate and interval; it chooses no hyper-parameter.

Rows are reweighted so that they agree with what is known for certain, E[w] = 1 and a value of v, at the least cost in
likelihood (the Cressie-Read member of power -1; Owen, 1988; Karampatziakis, Langford and Mineiro, 2019). A value is in
the interval when that costs less than the chi-square quantile allows. For one weight and rewards of 0 and 1 this is the
likelihood interval of the binomial among the rows that the target would have done.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bandit_router.evaluate.checks import Vector
from bandit_router.evaluate.crossing import cross
from bandit_router.evaluate.intervals import clipped, ratio_interval
from bandit_router.evaluate.quantile import normal
from bandit_router.evaluate.result import Estimate
from bandit_router.evaluate.rows import Rows

# Rows that were not seen but could have been: the largest weight at the least and at the greatest reward, half a row
# each (as Jeffreys' prior is for a binomial). Without them a log without failures would prove that there are none.
_UNSEEN = 0.5
_STEPS = 60
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """Weights and rewards in [0, 1] with their counts; rows of weight 0 are one entry, the unseen rows the last two."""

    weight: Vector
    reward: Vector
    count: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """The multipliers of E[w] = 1 and of the value, and the log-likelihood they cost."""

    cost: float
    multipliers: tuple[float, float]


def cressie_read(rows: Rows, *, alpha: float) -> Estimate:
    """Return the value of greatest empirical likelihood and the values not much less likely."""
    span = rows.high - rows.low
    if not rows.weight.any():
        # Nothing was done that the target would do: any value is as likely as any other.
        return Estimate(value=rows.low + span / 2, low=rows.low, high=rows.high, n=rows.n, ess=0.0)
    rows = _within_reach(rows)
    sample = _sample(rows, span)
    free = _fit(sample, None, start=(0.0, 0.0))
    mass = sample.count * sample.weight / (1 + free.multipliers[0] * (sample.weight - 1))
    centre = float(mass @ sample.reward / mass.sum())
    seen = float(mass[:-2].sum())
    value = float(mass[:-2] @ sample.reward[:-2]) / seen if seen else centre
    z = normal(1 - alpha / 2)
    near = ratio_interval(
        rows.weight, (rows.reward - rows.low) / span, ends=(0.0, 1.0), heaviest=rows.heaviest, alpha=alpha
    )
    reach = max((near[1] - near[0]) / 2, 1e-9)

    def excess(v: float, start: tuple[float, float]) -> tuple[float, tuple[float, float]]:
        fit = _fit(sample, v, start=start)
        return math.sqrt(max(2 * (fit.cost - free.cost), 0.0)) - z, fit.multipliers

    low, high = (cross(excess, centre, end, reach=reach, z=z, start=free.multipliers) for end in (0.0, 1.0))
    low, high = clipped((rows.low + span * low, rows.low + span * high), rows.low + span * value, (rows.low, rows.high))
    return Estimate(value=rows.low + span * value, low=low, high=high, n=rows.n, ess=rows.ess)


def _within_reach(rows: Rows) -> Rows:
    """Return rows of which some weigh less than 1: if none does, E[w] = 1 leaves no room for what was not seen.

    That is so where a policy is the one that logged; its rows are then told by their shares of all weight.
    """
    if rows.weight.min() < 1 - 1e-6:
        return rows
    mean = float(rows.weight.mean())
    return replace(rows, weight=rows.weight / mean, ceiling=float(rows.weight.max()) / mean)


def _sample(rows: Rows, span: float) -> _Sample:
    """Return the rows with any weight, one entry for all the others, and the unseen rows."""
    used = rows.weight > 0
    weight, reward = rows.weight, (rows.reward - rows.low) / span
    if not used.all():
        weight, reward = weight[used], reward[used]
    idle = rows.n - len(weight)
    tail_weight, tail_count = [rows.ceiling, rows.ceiling], [_UNSEEN, _UNSEEN]
    if idle:
        tail_weight, tail_count = [0.0, *tail_weight], [idle, *tail_count]
    return _Sample(
        weight=np.concatenate([weight, tail_weight]),
        reward=np.concatenate([reward, [0.0] * bool(idle), [0.0, 1.0]]),
        count=np.concatenate([np.ones(len(weight)), tail_count]),
    )


def _fit(sample: _Sample, v: float | None, *, start: tuple[float, float]) -> _Fit:
    """Maximise sum count log(1 + b u + g x) over the multipliers b and g, by Newton's method within the domain.

    u is weight - 1, x is weight (reward - v); without v the value is free, and x is 0.
    """
    at = start
    sums = _sums(sample, v, at)
    if sums.least <= 0:
        at = (0.0, 0.0)
        sums = _sums(sample, v, at)
    for _ in range(_STEPS):
        step, gain = _newton(sums)
        if gain < 1e-9:
            break
        shrink = _steepest(sample, v, at, step)
        size = min(1.0, -0.95 / shrink) if shrink < 0 else 1.0
        while size > 1e-9:
            there = (at[0] + size * step[0], at[1] + size * step[1])
            reached = _sums(sample, v, there)
            if reached.cost >= sums.cost + 0.1 * size * gain:
                break
            size /= 2
        at, sums = there, reached
    return _Fit(cost=sums.cost, multipliers=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """The log-likelihood at a point, the least term in it, its slopes and curvatures."""

    least: float
    cost: float
    slopes: tuple[float, float]
    curvatures: tuple[float, float, float]


def _parts(sample: _Sample, v: float | None) -> Iterator[tuple[Vector, Vector, Vector]]:
    """Yield (u, x, count) a block at a time: whole columns of these would take more memory than the log itself."""
    for first in range(0, len(sample.weight), _BLOCK):
        part = slice(first, first + _BLOCK)
        weight = sample.weight[part]
        x = np.zeros_like(weight) if v is None else weight * (sample.reward[part] - v)
        yield weight - 1, x, sample.count[part]


def _sums(sample: _Sample, v: float | None, at: tuple[float, float]) -> _Sums:
    least, cost = math.inf, 0.0
    total = np.zeros(5)
    for u, x, count in _parts(sample, v):
        terms = 1 + at[0] * u + at[1] * x
        least = min(least, float(terms.min()))
        if least <= 0:
            return _Sums(least=least, cost=-math.inf, slopes=(0.0, 0.0), curvatures=(0.0, 0.0, 0.0))
        cost += float(count @ np.log(terms))
        share = count / terms
        slope_u, slope_x = share @ u, share @ x
        share /= terms
        weighted = share * u
        total += (slope_u, slope_x, weighted @ u, weighted @ x, (share * x) @ x)
    by_u, by_x, uu, ux, xx = total.tolist()
    return _Sums(least=least, cost=cost, slopes=(by_u, by_x), curvatures=(uu, ux, xx))


def _steepest(sample: _Sample, v: float | None, at: tuple[float, float], step: tuple[float, float]) -> float:
    """Return the largest share of any term that a step would take from it, as a negative number."""
    return min(
        float(((step[0] * u + step[1] * x) / (1 + at[0] * u + at[1] * x)).min()) for u, x, _ in _parts(sample, v)
    )


def _newton(sums: _Sums) -> tuple[tuple[float, float], float]:
    """Return Newton's step and the gain it promises."""
    slope_u, slope_x = sums.slopes
    uu, ux, xx = sums.curvatures
    uu, xx = uu * (1 + 1e-10) + 1e-12, xx * (1 + 1e-10) + 1e-12
    determinant = uu * xx - ux * ux
    step_u = (xx * slope_u - ux * slope_x) / determinant
    step_x = (uu * slope_x - ux * slope_u) / determinant
    return (step_u, step_x), step_u * slope_u + step_x * slope_x
