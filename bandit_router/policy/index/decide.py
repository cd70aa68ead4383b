"""Values actions: Pandora's reservation indices, what a verdict is worth, and a pmf from them; it learns nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.channel import Channel, with_one
from bandit_router.policy.index.predictor import LOG_WEIGHTS, normalised
from bandit_router.policy.index.space import Vector, lowest

UNTOLD: Final = normalised(LOG_WEIGHTS)
"""P(difficulty) before any verdict."""
NOTHING: Final = -1.0
"""The net value of having no answer: below every answer that is worth its price."""
MOST_EXPLORED: Final = 0.5
"""The share of starts that the floors of all models together may take."""


MOST_HOPED: Final = 0.5
"""How probably, at most, a verdict is worth its price that does not seem to be."""
_NOTHING_KEPT: Final = np.full((1, 1), NOTHING)
_ONES: Final = np.ones((len(LOG_WEIGHTS), 1))


@dataclass(slots=True, kw_only=True, eq=False)
class Belief:
    """What is believed of a query's k models that were not tried; all in [0, 1] or in units of the dial.

    `good` (k, d) is P(good answer | each of d difficulties), `difficulty` (d) their probabilities, `cost` (k) what a
    call costs, `judging` what a verdict costs, `hand` (d) P(best answer at hand is good | difficulty), None when there
    is none, `channel` what verdicts may come.
    """

    good: NDArray[np.float64]
    difficulty: Vector
    cost: Vector
    judging: float
    hand: Vector | None
    channel: Channel
    doubt: Vector = field(default_factory=lambda: np.zeros(0))
    ignorance: Vector = field(default_factory=lambda: np.zeros(0))
    """Variances (k) of each model's logit: now, and if nothing grew old; no rule here asks for them."""
    best: float = field(init=False)
    """P(best answer at hand is good), `NOTHING` when there is none."""
    p: Vector = field(init=False)
    """P(good answer), of each model."""
    seen: Vector = field(init=False)
    held: Vector = field(init=False)
    """P(verdict) and P(good answer | verdict), (steps, k)."""
    mixture: NDArray[np.float64] = field(init=False)
    """The share of `good` in the verdicts on each model at each difficulty, (k, d)."""
    now: NDArray[np.float64] = field(init=False)
    """P(difficulty | verdict), (steps x k, d)."""
    held_then: NDArray[np.float64] = field(init=False)
    """P(good answer | verdict, difficulty), (steps, k, d)."""
    kept: NDArray[np.float64] = field(init=False)
    """P(best answer at hand is good | verdict on another), (steps, k): a query on which others fail is a hard one.

    `NOTHING` (1, 1) when there is none.
    """

    def __post_init__(self) -> None:
        """Derive what every rule asks for."""
        self.p = self.good.dot(self.difficulty)
        # The first column is for the difficulty that is believed, the others for each as if it were known.
        every = np.concatenate((self.p[:, None], self.good), axis=1)
        mixture = self.channel.mixture(every)
        seen, held = self.channel.seen(mixture.ravel()).reshape(-1, *every.shape), self.channel.held(every)
        now = (seen[..., 1:] * self.difficulty).reshape(-1, len(self.difficulty))
        now /= now.dot(_ONES)
        self.seen, self.held, self.mixture = seen[..., 0].copy(), held[..., 0].copy(), mixture[:, 1:]
        self.now, self.held_then = now, held[..., 1:]
        self.best, self.kept = NOTHING, _NOTHING_KEPT
        if self.hand is not None:
            self.best, self.kept = float(self.difficulty.dot(self.hand)), now.dot(self.hand).reshape(self.seen.shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tried:
    """One answer, by difficulty (d): P(good) before and after its verdict, and log P(verdict), None without one."""

    good: Vector
    posterior: Vector
    log_likelihood: Vector | None


def difficulty(tried: Sequence[Tried], beside: Vector | None = None) -> Vector:
    """Return P(difficulty | verdicts); `beside` is the log likelihood (d) of verdicts on answers of another run."""
    said = [one.log_likelihood for one in tried if one.log_likelihood is not None]
    if beside is not None:
        said.append(beside)
    return normalised(sum(said, start=LOG_WEIGHTS)) if said else UNTOLD


def reservations(belief: Belief) -> Vector:
    """Return each model's index: the value at hand at which calling and judging it would just pay (Weitzman, 1979).

    The s that solves E[max(v - s, 0)] = c is the largest, over the verdicts v at or above some step, of
    (E[v; those] - c) / P(those). With nothing at hand an answer may also be served unjudged. What a verdict says of the
    answer at hand is no gain of calling: v is counted from there.
    """
    seen = belief.seen[::-1]
    gain = belief.held if belief.hand is None else belief.held - (belief.kept - belief.best)
    worth = (seen * gain[::-1]).cumsum(axis=0) - (belief.cost + belief.judging)
    index = (worth / seen.cumsum(axis=0)).max(axis=0)
    return np.asarray(np.maximum(index, belief.p - belief.cost) if belief.best <= NOTHING else index)


def lookahead(
    belief: Belief, index: Vector | None = None, *, last: bool = False, most: int = 8
) -> tuple[Vector, Vector]:
    """Return what each model is worth if its answer is judged and if it is not, its price taken off, two calls deep.

    After a verdict one goes on with one of the `most` models of the highest index, or not; never if it is the `last`.
    Without an `index` it is worked out where there are more models than that.
    """
    after = np.maximum(belief.held, belief.kept)
    if not last and len(belief.cost) > 1:
        # Not even a perfect answer of a model dearer than that would be worth more.
        worthy = belief.cost < 1.0 - lowest(after)
        if len(belief.cost) > most:
            index = reservations(belief) if index is None else index
            worthy[(-index).argsort()[most:]] = False
        (then,) = worthy.nonzero()
        if len(then):
            np.maximum(after, _second(belief, then), out=after)
    judged = (belief.seen * after).sum(axis=0) - belief.judging
    return judged - belief.cost, np.maximum(belief.p, belief.best) - belief.cost


def hoped(judged: Vector, blind: Vector, hopeful: Vector) -> Vector:
    """Return P(a verdict is worth its price), from what judging is worth as judges seem, and one deviation better."""
    short, rise = blind - judged, np.maximum(hopeful - judged, 1e-9)
    return np.array([0.5 * math.erfc(z / math.sqrt(2)) for z in np.clip(short / rise, -9.0, 9.0)])


def _second(belief: Belief, then: NDArray[np.intp]) -> Vector:
    """Return the value of the best second call after each verdict on the first (steps, k)."""
    # What is held after the first verdict, by difficulty: the new answer or the one there was.
    hand, now, good = belief.held_then, belief.now, belief.good[then]
    if belief.hand is not None:
        hand = np.where((belief.held >= belief.kept)[..., None], hand, belief.hand)
    holding = now * hand.reshape(now.shape)
    # What that comes to, times 1 and times the share of `good` in the verdicts on the second.
    other = with_one(belief.mixture[then]).reshape(-1, good.shape[1]).dot(holding.T).reshape(2, -1)
    p = good.dot(now.T).ravel()
    judged = belief.channel.expected(p, other) - belief.judging
    value = np.maximum(np.maximum(p, other[0]), judged).reshape(len(then), *belief.held.shape)
    value -= belief.cost[then, None, None]
    value[np.arange(len(then)), :, then] = NOTHING
    return np.asarray(value.max(axis=0))


def square_cb(values: Vector, gamma: Vector) -> Vector:
    """Return SquareCB's pmf (Foster and Rakhlin, 2020): 1 / (n + gamma x gap) for all but the best.

    >>> square_cb(np.array([1.0, 0.5]), np.array([16.0, 16.0])).tolist()
    [0.9, 0.1]
    """
    best = int(values.argmax())
    probs = 1.0 / (len(values) + gamma * (values[best] - values))
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
    scaled = gaps / (math.sqrt(2) * np.maximum(spreads, 1e-9))
    lacking = np.maximum(np.array([0.5 * share * math.erfc(z) for z in scaled.tolist()]) - probs, 0.0)
    lacking[best] = 0.0
    total = float(lacking.sum())
    if total <= 0:
        return probs
    given = min(total, float(probs[best]) / 2)
    raised = probs + lacking * (given / total)
    raised[best] -= given
    return raised


def floored(probs: Vector, explored: NDArray[np.bool_], floor: float) -> Vector:
    """Return a pmf at least at the floor where `explored`; the rest gives what is lacking, in proportion."""
    count = np.count_nonzero(explored)
    if not count or floor <= 0:
        return probs
    least = min(floor, MOST_EXPLORED / count)
    low = explored & (probs < least)
    while np.count_nonzero(low):
        free = 1 - least * low.sum()
        scaled = np.where(low, least, probs * (free / probs[~low].sum()))
        lower = low | (explored & (scaled < least))
        if np.array_equal(lower, low):
            return scaled
        low = lower
    return probs
