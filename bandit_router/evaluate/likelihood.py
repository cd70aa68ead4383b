"""Empirical likelihood of a policy's value: the default estimate and interval; it chooses no hyper-parameter.

Rows are reweighted so that they agree with what is known for certain, E[w] = 1 and a value of v, at the least cost in
likelihood (the Cressie-Read member of power -1; Owen, 1988; Karampatziakis, Langford and Mineiro, 2019). A value is in
the interval when that costs less than the chi-square quantile allows. For one weight and rewards of 0 and 1 this is the
likelihood interval of the binomial among the rows that the target would have done.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bandit_router.evaluate.checks import Vector
from bandit_router.evaluate.intervals import clipped, ratio_interval
from bandit_router.evaluate.quantile import normal
from bandit_router.evaluate.result import Estimate
from bandit_router.evaluate.rows import Rows

# Rows that were not seen but could have been: the largest weight at the least and at the greatest reward, half a row
# each (as Jeffreys' prior is for a binomial). Without them a log without failures would prove that there are none.
_UNSEEN = 0.5
_STEPS = 60


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
    sample = _sample(rows, span)
    free = _fit(sample.weight - 1, np.zeros_like(sample.weight), sample.count, start=(0.0, 0.0))
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
        fit = _fit(sample.weight - 1, sample.weight * (sample.reward - v), sample.count, start=start)
        return math.sqrt(max(2 * (fit.cost - free.cost), 0.0)) - z, fit.multipliers

    low, high = (_cross(excess, centre, end, reach=reach, z=z, start=free.multipliers) for end in (0.0, 1.0))
    low, high = clipped((rows.low + span * low, rows.low + span * high), rows.low + span * value, (rows.low, rows.high))
    return Estimate(value=rows.low + span * value, low=low, high=high, n=rows.n, ess=rows.ess)


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


def _cross(
    excess: Callable[[float, tuple[float, float]], tuple[float, tuple[float, float]]],
    inside: float,
    end: float,
    *,
    reach: float,
    z: float,
    start: tuple[float, float],
) -> float:
    """Return where the cost crosses what is allowed, between a value that is likely and an end that is impossible.

    The root of the cost is nearly straight in the value, so that a secant kept within its bracket needs few steps.
    """
    near, at_near, far = inside, -z, end
    guess = inside + math.copysign(min(reach, abs(end - inside) / 2), end - inside)
    for _ in range(_STEPS):
        if abs(far - near) < 1e-7:
            break
        at, start = excess(guess, start)
        if abs(at) < 1e-4:
            return guess
        secant = guess - at * (guess - near) / (at - at_near) if at != at_near else far
        if at < 0:
            near, at_near = guess, at
        else:
            far = guess
        between = min(near, far) < secant < max(near, far)
        guess = secant if between else (near + far) / 2
    return far


def _fit(u: Vector, x: Vector, count: Vector, *, start: tuple[float, float]) -> _Fit:
    """Maximise sum count log(1 + b u + g x) over the multipliers b and g, by Newton's method within the domain."""
    b, g = start
    terms = 1 + b * u + g * x
    if terms.min() <= 0:
        b, g, terms = 0.0, 0.0, np.ones_like(u)
    cost = float(count @ np.log(terms))
    for _ in range(_STEPS):
        step_b, step_g, gain = _newton(u, x, count, terms)
        if gain < 1e-9:
            break
        move = step_b * u + step_g * x
        shrink = float((move / terms).min())
        step = min(1.0, -0.95 / shrink) if shrink < 0 else 1.0
        while step > 1e-9:
            tried = terms + step * move
            reached = float(count @ np.log(tried))
            if reached >= cost + 0.1 * step * gain:
                break
            step /= 2
        b, g, terms, cost = b + step * step_b, g + step * step_g, tried, reached
    return _Fit(cost=cost, multipliers=(b, g))


def _newton(u: Vector, x: Vector, count: Vector, terms: Vector) -> tuple[float, float, float]:
    """Return Newton's step and the gain it promises."""
    share = count / terms
    slope_u, slope_x = float(share @ u), float(share @ x)
    share /= terms
    weighted = share * u
    uu, ux = float(weighted @ u), float(weighted @ x)
    xx = float((share * x) @ x)
    uu, xx = uu * (1 + 1e-10) + 1e-12, xx * (1 + 1e-10) + 1e-12
    determinant = uu * xx - ux * ux
    step_u = (xx * slope_u - ux * slope_x) / determinant
    step_x = (uu * slope_x - ux * slope_u) / determinant
    return step_u, step_x, step_u * slope_u + step_x * slope_x
