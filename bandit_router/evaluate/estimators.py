"""The estimators that average scores or weigh residuals; likelihoods are in likelihood.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from bandit_router.errors import UnusableLog
from bandit_router.evaluate.checks import Vector
from bandit_router.evaluate.intervals import clipped, mean_interval, ratio, ratio_interval
from bandit_router.evaluate.result import Estimate
from bandit_router.evaluate.rows import Rows
from bandit_router.evaluate.slope import Moments, slope

Candidates = Sequence[float]


def ips(rows: Rows, *, alpha: float, candidates: Candidates) -> Estimate:
    """Average w r (Horvitz and Thompson, 1952), weights clipped where SLOPE finds that it pays."""
    scores = rows.weight * rows.reward
    return _shrunk(
        rows, scores, candidates, alpha=alpha, lighten=lambda heavy, clip: scores[heavy] * clip / rows.weight[heavy]
    )


def snips(rows: Rows, *, alpha: float) -> Estimate:
    """Return sum w r / sum w (Swaminathan and Joachims, 2015)."""
    value = ratio(rows.weight, rows.reward)
    ends = (rows.low, rows.high)
    interval = ratio_interval(rows.weight, rows.reward, ends=ends, heaviest=rows.heaviest, alpha=alpha)
    return _estimate(rows, value, interval)


def dm(rows: Rows, *, alpha: float) -> Estimate:
    """Average the reward model under the target; the interval has the contexts' chance, not its error."""
    predicted = _predicted(rows)
    moments = _moments(predicted)
    return _estimate(rows, moments.mean, mean_interval(moments, (moments.mean, moments.mean), alpha))


def dr(rows: Rows, *, alpha: float) -> Estimate:
    """Average q(target) + w (r - q) (Dudik, Langford and Li, 2011)."""
    scores = _moments(_predicted(rows) + rows.weight * rows.residual)
    return _estimate(rows, scores.mean, mean_interval(scores, _ends(rows), alpha))


def sndr(rows: Rows, *, alpha: float) -> Estimate:
    """Average q(target) and add sum w (r - q) / sum w."""
    predicted = _predicted(rows)
    base = float(predicted.mean())
    correction = ratio(rows.weight, rows.residual)
    # The contexts' chance moves the first term, which the delta method of the second does not see.
    spread = predicted - base
    total = float(rows.weight.sum())
    influence = spread + (rows.n / total * rows.weight * (rows.residual - correction) if total else 0.0)
    scores = _moments(influence + base + correction)
    return _estimate(rows, base + correction, mean_interval(scores, _ends(rows), alpha))


def switch_dr(rows: Rows, *, alpha: float, candidates: Candidates) -> Estimate:
    """Take DR where w <= tau and the model alone elsewhere (Wang, Agarwal and Dudik, 2017), tau by SLOPE."""
    predicted = _predicted(rows)
    scores = predicted + rows.weight * rows.residual
    return _shrunk(rows, scores, candidates, alpha=alpha, lighten=lambda heavy, _: predicted[heavy])


def dros(rows: Rows, *, alpha: float, candidates: Candidates) -> Estimate:
    """Take DR with w lambda / (w^2 + lambda) for w (Su et al., 2020), lambda by SLOPE."""
    predicted = _predicted(rows)
    unbiased = _moments(predicted + rows.weight * rows.residual)

    def shrunk(lambda_: float) -> Moments:
        if math.isinf(lambda_):
            return unbiased
        return _moments(predicted + rows.weight * lambda_ / (rows.weight**2 + lambda_) * rows.residual)

    tried = [shrunk(lambda_) for lambda_ in candidates]
    best = slope(tried)
    interval = mean_interval(unbiased, _ends(rows), alpha)
    return _estimate(rows, tried[best].mean, interval, chosen=candidates[best])


def _shrunk(
    rows: Rows,
    scores: Vector,
    candidates: Candidates,
    *,
    alpha: float,
    lighten: Callable[[np.ndarray, float], Vector],
) -> Estimate:
    """Return SLOPE's choice among scores whose heavy rows are made lighter; only those rows are computed again.

    The interval is that of the scores as they are: what is clipped off is a bias that no interval of the clipped scores
    could see.
    """
    unbiased = _moments(scores)
    heavy = np.flatnonzero(rows.weight > min(candidates))

    def lightened(limit: float) -> Moments:
        above = heavy[rows.weight[heavy] > limit]
        if not len(above):
            return unbiased
        old, new = scores[above], lighten(above, limit)
        return Moments(
            total=unbiased.total + float((new - old).sum()),
            square=unbiased.square + float(new @ new - old @ old),
            n=rows.n,
        )

    tried = [lightened(limit) for limit in candidates]
    best = slope(tried)
    interval = mean_interval(unbiased, _ends(rows), alpha)
    return _estimate(rows, tried[best].mean, interval, chosen=candidates[best])


def _predicted(rows: Rows) -> Vector:
    if rows.predicted is None:
        raise UnusableLog(
            "is needed, the predicted reward of every action, shape (n, k); see reward_model.cross_fit",
            argument="q_hat",
        )
    return rows.predicted


def _moments(scores: Vector) -> Moments:
    return Moments(total=float(scores.sum()), square=float(scores @ scores), n=len(scores))


def _ends(rows: Rows) -> tuple[float, float]:
    """Return what the score of a row of the largest weight could have been."""
    base = float(rows.predicted.mean()) if rows.predicted is not None else 0.0
    low, high = rows.residual_range
    return base + rows.heaviest * low, base + rows.heaviest * high


def _estimate(rows: Rows, value: float, interval: tuple[float, float], chosen: float | None = None) -> Estimate:
    low, high = clipped(interval, value, (rows.low, rows.high))
    return Estimate(value=value, low=low, high=high, n=rows.n, ess=rows.ess, chosen=chosen)
