"""How much more one policy earns than another on the same rows, with an interval of the difference; not of either."""

from __future__ import annotations

from typing import Final

import numpy as np

from bandit_router.evaluate.checks import Vector
from bandit_router.evaluate.constrained import Known, mean_given
from bandit_router.evaluate.intervals import mean_interval, ratio
from bandit_router.evaluate.result import Estimate
from bandit_router.evaluate.rows import Rows
from bandit_router.evaluate.slope import Moments

_UNSEEN: Final = 0.5
"""Half a row at each end of what was not seen, as for the value of one policy."""
_MANY: Final = 200_000
"""Of more rows than this the delta method says the same, and is quicker."""


def difference(ours: Rows, theirs: Rows, *, alpha: float = 0.05) -> Estimate:
    """Estimate E[ours] - E[theirs], row by row: what moves both alike does not widen the interval.

    By empirical likelihood, given that the weights of both average 1: a few heavy rows make the sum of weighted rewards
    too skewed for a normal interval. Doubly robust where the rows have a model's predictions.
    """
    ess = min(ours.ess, theirs.ess)
    if ours.n > _MANY or not (ours.weight.any() and theirs.weight.any()):
        return difference_of_scores(influence(ours), influence(theirs), ess=ess, alpha=alpha)
    mine, other = _reachable(ours.weight), _reachable(theirs.weight)
    scores = _scores(ours, mine) - _scores(theirs, other)
    # What was not seen is a row like the one in which the two differ most, at either end of the rewards.
    row = int(np.abs(mine - other).argmax())
    ends = [_score_at(ours, mine, row, end) - _score_at(theirs, other, row, end) for end in (ours.low, ours.high)]
    zero = np.column_stack([mine, other]) - 1
    known = Known(
        scores=np.concatenate([scores, ends]),
        zero=np.vstack([zero, zero[[row, row]]]),
        count=np.concatenate([np.ones(len(scores)), [_UNSEEN, _UNSEEN]]),
    )
    value, low, high = mean_given(known, alpha=alpha)
    return Estimate(value=value, low=low, high=high, n=len(scores), ess=ess)


def difference_of_scores(ours: Vector, theirs: Vector, *, ess: float, alpha: float = 0.05) -> Estimate:
    """Estimate the mean of one policy's scores less another's (n,), such as doubly robust ones, in pairs.

    By empirical likelihood too, the row that was not seen being as far apart as any that was, on either side: where
    two policies differ in a handful of rows, those alone say little, and no normal interval would know.
    """
    scores = ours - theirs
    value, most = float(scores.mean()), float(np.abs(scores).max())
    if len(scores) > _MANY:
        moments = Moments(total=float(scores.sum()), square=float(scores @ scores), n=len(scores))
        low, high = mean_interval(moments, (-most, most), alpha)
    else:
        rows = np.concatenate([scores, [-most, most]])
        count = np.concatenate([np.ones(len(scores)), [_UNSEEN, _UNSEEN]])
        _, low, high = mean_given(Known(scores=rows, zero=np.zeros((len(rows), 0)), count=count), alpha=alpha)
    return Estimate(value=value, low=min(low, value), high=max(high, value), n=len(scores), ess=ess)


def influence(rows: Rows) -> Vector:
    """Return each row's part in the self-normalised estimate (n,), of which that is the mean."""
    correction, total = ratio(rows.weight, rows.residual), float(rows.weight.sum())
    scores: Vector = correction + (rows.n / total if total else 0.0) * rows.weight * (rows.residual - correction)
    return scores if rows.predicted is None else scores + rows.predicted


def _reachable(weight: Vector) -> Vector:
    """Return weights that can average 1: of a policy that logged none is below 1, and of a thin log none above."""
    return weight / weight.mean() if weight.min() >= 1 or weight.max() <= 1 else weight


def _scores(rows: Rows, weight: Vector) -> Vector:
    scores: Vector = weight * rows.residual
    return scores if rows.predicted is None else scores + rows.predicted


def _score_at(rows: Rows, weight: Vector, row: int, reward: float) -> float:
    """Return what a row's score would be with another reward."""
    predicted = 0.0 if rows.predicted is None else float(rows.predicted[row])
    logged = float(rows.reward[row] - rows.residual[row])
    return predicted + float(weight[row]) * (reward - logged)
