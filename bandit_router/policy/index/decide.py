"""Values actions: Pandora's reservation indices, what a verdict is worth, and a pmf from them; it learns nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    call costs, `judging` what a verdict costs, `best` the probability that the best answer at hand is good, `channel`
    what verdicts may come.
    """

    good: NDArray[np.float64]
    difficulty: Vector
    cost: Vector
    judging: float
    best: float
    channel: Channel
    p: Vector = field(init=False)
    """P(good answer), of each model."""
    seen: Vector = field(init=False)
    held: Vector = field(init=False)
    """P(verdict) and P(good answer | verdict), (steps, k)."""

    def __post_init__(self) -> None:
        """Derive what every rule asks for."""
        p = self.good @ self.difficulty
        object.__setattr__(self, "p", p)
        object.__setattr__(self, "seen", self.channel.seen(self.channel.mixture(p)))
        object.__setattr__(self, "held", self.channel.held(p))


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


def reservations(belief: Belief) -> Vector:
    """Return each model's index: the value at hand at which calling and judging it would just pay (Weitzman, 1979).

    The s that solves E[max(v - s, 0)] = c is the largest, over the verdicts v at or above some step, of
    (E[v; those] - c) / P(those). With nothing at hand an answer may also be served unjudged.
    """
    seen = belief.seen[::-1]
    worth = (seen * belief.held[::-1]).cumsum(axis=0) - (belief.cost + belief.judging)
    index = (worth / seen.cumsum(axis=0)).max(axis=0)
    return np.asarray(np.maximum(index, belief.p - belief.cost) if belief.best <= NOTHING else index)


def lookahead(belief: Belief, index: Vector, *, last: bool = False, most: int = 8) -> tuple[Vector, Vector]:
    """Return what each model is worth if its answer is judged and if it is not, its price taken off, two calls deep.

    After a verdict one goes on with one of the `most` models of the highest index, or not; never if it is the `last`.
    """
    after = np.maximum(belief.held, belief.best)
    if not last and len(index) > 1:
        np.maximum(after, _second(belief, np.argsort(-index)[:most], after), out=after)
    judged = (belief.seen * after).sum(axis=0) - belief.judging
    return judged - belief.cost, np.maximum(belief.p, belief.best) - belief.cost


def _second(belief: Belief, then: NDArray[np.intp], held: Vector) -> Vector:
    """Return the value of the best second call after each verdict (steps, k), with `held` at hand."""
    channel, difficulties = belief.channel, len(belief.difficulty)
    weights = channel.seen(channel.mixture(belief.good).ravel()).reshape(-1, difficulties) * belief.difficulty
    p = ((weights @ belief.good[then].T) / weights.sum(axis=1, keepdims=True)).ravel()
    at_hand = np.repeat(held.ravel(), len(then))
    judged = channel.expected(p, at_hand) - belief.judging
    value = np.maximum(np.maximum(p, at_hand), judged).reshape(*held.shape, -1) - belief.cost[then]
    value[:, then, np.arange(len(then))] = NOTHING
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


def wondered(probs: Vector, gaps: Vector, spreads: Vector, share: float) -> Vector:
    """Return a pmf that takes each model with at least `share` of its chance to be the best (Thompson, 1933).

    `gaps` say how far each is believed to be below the best, `spreads` with what deviation. The most probable one gives
    what the others get, half of what it has at most.

    >>> wondered(np.array([1.0, 0.0]), np.array([0.0, 0.1]), np.array([0.1, 0.1]), 0.1).round(3).tolist()
    [0.984, 0.016]
    """
    best = int(probs.argmax())
    scaled = gaps / np.maximum(spreads, 1e-9) / math.sqrt(2)
    lacking = np.maximum(share * 0.5 * np.array([math.erfc(z) for z in scaled]) - probs, 0.0)
    lacking[best] = 0.0
    total = float(lacking.sum())
    if total > 0:
        lacking *= min(1.0, probs[best] / 2 / total)
    raised = probs + lacking
    raised[best] -= lacking.sum()
    return np.asarray(raised)


def floored(probs: Vector, explored: NDArray[np.bool_], floor: float) -> Vector:
    """Return a pmf at least at the floor where `explored`; the rest gives what is lacking, in proportion."""
    count = np.count_nonzero(explored)
    if not count or floor <= 0:
        return probs
    least = min(floor, MOST_EXPLORED / count)
    low = explored & (probs < least)
    while low.any():
        free = 1 - least * low.sum()
        scaled = np.where(low, least, probs * (free / probs[~low].sum()))
        lower = low | (explored & (scaled < least))
        if np.array_equal(lower, low):
            return np.asarray(scaled)
        low = lower
    return probs
