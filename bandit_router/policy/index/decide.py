"""Values actions: Pandora's reservation indices, what a verdict is worth, and a pmf from them; it learns nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.predictor import LOG_WEIGHTS, normalised
from bandit_router.policy.index.space import Vector
from bandit_router.policy.index.verdicts import Channel

NOTHING: Final = -1.0
"""The net value of having no answer: below every answer that is worth its price."""
MOST_EXPLORED: Final = 0.5
"""The share of starts that the floors of all models together may take."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Belief:
    """What is believed of a query's k models that were not tried; all in [0, 1] or in units of the dial.

    `good` (k, d) is P(good answer | each of d difficulties), `difficulty` (d) their probabilities, `cost` (k) what a
    call costs, `judging` what a verdict costs, `best` the probability that the best answer at hand is good.
    """

    good: NDArray[np.float64]
    difficulty: Vector
    cost: Vector
    judging: float
    best: float

    @property
    def p(self) -> Vector:
        """P(good answer), of each model."""
        return np.asarray(self.good @ self.difficulty)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tried:
    """One answer, by difficulty (d): P(good) before and after its verdict, and log P(verdict), None without one."""

    good: Vector
    posterior: Vector
    log_likelihood: Vector | None


def difficulty(tried: Sequence[Tried]) -> Vector:
    """Return P(difficulty | verdicts)."""
    logs = LOG_WEIGHTS
    for one in tried:
        if one.log_likelihood is not None:
            logs = logs + one.log_likelihood
    return normalised(logs)


def reservations(belief: Belief, channel: Channel) -> Vector:
    """Return each model's index: the value at hand at which calling and judging it would just pay (Weitzman, 1979).

    The s that solves E[max(v - s, 0)] = c is the largest, over the verdicts v at or above some step, of
    (E[v; those] - c) / P(those). With nothing at hand an answer may also be served unjudged.
    """
    seen, held = channel.views(belief.p)
    worth = (seen * held)[:, ::-1].cumsum(axis=1) - (belief.cost + belief.judging)[:, None]
    index = (worth / seen[:, ::-1].cumsum(axis=1)).max(axis=1)
    return np.asarray(np.maximum(index, belief.p - belief.cost) if belief.best <= NOTHING else index)


def lookahead(
    belief: Belief, channel: Channel, index: Vector, *, last: bool = False, most: int = 8
) -> tuple[Vector, Vector]:
    """Return what each model is worth if its answer is judged and if it is not, its price taken off, two calls deep.

    After a verdict one goes on with one of the `most` models of the highest index, or not; never if it is the `last`.
    """
    p, best = belief.p, belief.best
    blind = np.maximum(p, best)
    seen, held = channel.views(p)
    held = np.maximum(held, best)
    alone = last or len(p) == 1
    after = held if alone else np.maximum(held, _second(belief, channel, np.argsort(-index)[:most], held))
    judged = (seen * after).sum(axis=1) - belief.judging
    return judged - belief.cost, blind - belief.cost


def _second(belief: Belief, channel: Channel, then: NDArray[np.intp], held: Vector) -> Vector:
    """Return the value of the best second call after each verdict (k, steps), with `held` at hand."""
    share = channel.mixture(belief.good)[:, None, :]
    weights = (share * channel.good[:, None] + (1 - share) * channel.bad[:, None]) * belief.difficulty
    weights /= weights.sum(axis=2, keepdims=True)
    p = weights @ belief.good[then].T
    threshold = held[:, :, None]
    seen, then_held = channel.views(p)
    judged = (seen * np.maximum(then_held, threshold[..., None])).sum(axis=3) - belief.judging
    value = np.maximum(np.maximum(p, threshold), judged) - belief.cost[then]
    value[then, :, np.arange(len(then))] = NOTHING
    return np.asarray(value.max(axis=2))


def square_cb(values: Vector, gamma: Vector) -> Vector:
    """Return SquareCB's pmf (Foster and Rakhlin, 2020): 1 / (n + gamma x gap) for all but the best.

    >>> square_cb(np.array([1.0, 0.5]), np.array([16.0, 16.0])).tolist()
    [0.9, 0.1]
    """
    best = int(values.argmax())
    probs = 1 / (len(values) + gamma * (values[best] - values))
    probs[best] = 0.0
    probs[best] = 1 - probs.sum()
    return np.asarray(probs)


def floored(probs: Vector, explored: NDArray[np.bool_], floor: float) -> Vector:
    """Return a pmf at least at the floor where `explored`; the rest gives what is lacking, in proportion."""
    count = int(explored.sum())
    if not count or floor <= 0:
        return probs
    least = min(floor, MOST_EXPLORED / count)
    low = explored & (probs < least)
    while True:
        free = 1 - least * low.sum()
        scaled = np.where(low, least, probs * (free / probs[~low].sum()))
        lower = low | (explored & (scaled < least))
        if (lower == low).all():
            return np.asarray(scaled)
        low = lower
