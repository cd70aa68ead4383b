"""How much more one policy earns than another on the same rows, with an interval of the difference; not of either."""

from __future__ import annotations

from bandit_router.evaluate.checks import Vector
from bandit_router.evaluate.intervals import mean_interval, ratio
from bandit_router.evaluate.result import Estimate
from bandit_router.evaluate.rows import Rows
from bandit_router.evaluate.slope import Moments


def difference(ours: Rows, theirs: Rows, *, alpha: float = 0.05) -> Estimate:
    """Estimate E[ours] - E[theirs], row by row: what moves both alike does not widen the interval.

    Both are self-normalised and, where the rows have a model's predictions, doubly robust; the interval is Student's of
    the difference of their influences, with half a row at each end of what was seen.
    """
    scores = influence(ours) - influence(theirs)
    moments = Moments(total=float(scores.sum()), square=float(scores @ scores), n=len(scores))
    low, high = mean_interval(moments, (float(scores.min()), float(scores.max())), alpha)
    value = moments.mean
    return Estimate(
        value=value, low=min(low, value), high=max(high, value), n=len(scores), ess=min(ours.ess, theirs.ess)
    )


def influence(rows: Rows) -> Vector:
    """Return each row's part in the self-normalised estimate (n,), of which that is the mean."""
    correction, total = ratio(rows.weight, rows.residual), float(rows.weight.sum())
    scores: Vector = correction + (rows.n / total if total else 0.0) * rows.weight * (rows.residual - correction)
    return scores if rows.predicted is None else scores + rows.predicted
