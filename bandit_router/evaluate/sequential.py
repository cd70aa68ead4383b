"""Cascades as sequences: what another policy would have earned when each request is several decisions.

A step is one decision of an episode (a request): flat arrays of m steps, each episode's steps next to each other and in
order, `episode` naming them. Rewards add up undiscounted. It knows no policy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bandit_router.errors import UnusableLog
from bandit_router.evaluate.checks import (
    Matrix,
    Vector,
    as_floats,
    chosen,
    distributions,
    finite,
    picked,
    probabilities,
    same_length,
)
from bandit_router.evaluate.intervals import mean_interval
from bandit_router.evaluate.result import Estimate
from bandit_router.evaluate.slope import Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The logged steps: m of them, k actions; `q_hat` is the reward still to come of each action, (m, k).

    `target_prob` is the target's P(logged action), (m,), or, with `action` and `q_hat`, its pmf, (m, k). `observed` and
    `observe_prob` (m,) say which steps' rewards were seen and with what probability they would be.
    """

    episode: ArrayLike
    reward: ArrayLike
    propensity: ArrayLike
    target_prob: ArrayLike
    action: ArrayLike | None = None
    q_hat: ArrayLike | None = None
    observed: ArrayLike | None = None
    observe_prob: ArrayLike | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectories:
    """One row an episode, (n,): what `estimate` takes, with the whole trajectory for the action."""

    reward: Vector
    propensity: Vector
    target_prob: Vector
    observed: NDArray[np.bool_]
    observe_prob: Vector


def trajectories(steps: Steps) -> Trajectories:
    """Return each episode's total reward and the probabilities of its whole course.

    An episode counts as observed when all its steps were, and the chance of that is the product of theirs.
    """
    read = _read(steps)
    return Trajectories(
        reward=np.add.reduceat(read.reward, read.start),
        propensity=np.multiply.reduceat(read.propensity, read.start),
        target_prob=np.multiply.reduceat(read.target_prob, read.start),
        observed=np.logical_and.reduceat(read.observed, read.start),
        observe_prob=np.multiply.reduceat(read.observe_prob, read.start),
    )


def per_decision(steps: Steps, *, alpha: float = 0.05, normalised: bool = False) -> Estimate:
    """Weigh each step's reward by the steps up to it, not by those after (Precup, Sutton and Singh, 2000).

    `normalised` divides each depth's weights by their mean, the episodes over by then counting with their last weight.
    """
    read = _read(steps)
    weight = _cumulative(read)
    if normalised:
        weight = weight / _mean_by_depth(read, weight)[read.depth]
    scores = np.add.reduceat(weight * read.seen_reward, read.start)
    return _estimate(read, scores, alpha)


def doubly_robust(steps: Steps, *, alpha: float = 0.05) -> Estimate:
    """Correct the model of what is still to come, step by step from the last (Jiang and Li, 2016).

    V = sum_a target(a) q(a) + (target / propensity) (reward + V of the next step - q(logged)).
    """
    read = _read(steps)
    if read.pmf is None or read.q_hat is None or read.action is None:
        raise UnusableLog("is needed with action and a target_prob of shape (m, k)", argument="q_hat")
    model = np.einsum("ij,ij->i", read.pmf, read.q_hat)
    logged = picked(read.q_hat, read.action)
    ratio = read.target_prob / read.propensity
    value = np.zeros(len(read.start))
    for depth in range(int(read.depth.max()), -1, -1):
        at = np.flatnonzero(read.depth == depth)
        whose = read.owner[at]
        value[whose] = model[at] + ratio[at] * (read.seen_reward[at] + value[whose] - logged[at])
    return _estimate(read, value, alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """Checked steps: where each episode starts, whose a step is, how deep, and its numbers."""

    start: NDArray[np.intp]
    owner: NDArray[np.intp]
    depth: NDArray[np.intp]
    reward: Vector
    seen_reward: Vector
    observed: NDArray[np.bool_]
    observe_prob: Vector
    propensity: Vector
    target_prob: Vector
    pmf: Matrix | None
    q_hat: Matrix | None
    action: NDArray[np.intp] | None


def _read(steps: Steps) -> _Read:
    raw = as_floats("reward", steps.reward)
    m = len(raw)
    propensity = as_floats("propensity", steps.propensity)
    same_length("propensity", propensity, m)
    probabilities("propensity", propensity, zero=False)
    observed, chance = _seen(steps, raw)
    reward = np.where(observed, raw, 0.0)
    finite("reward", reward)
    start, owner, depth = _episodes(steps.episode, m)
    target, pmf, action, q_hat = _target(steps, m)
    return _Read(
        start=start,
        owner=owner,
        depth=depth,
        reward=reward,
        seen_reward=reward / chance,
        observed=observed,
        observe_prob=chance,
        propensity=propensity,
        target_prob=target,
        pmf=pmf,
        q_hat=q_hat,
        action=action,
    )


def _episodes(values: ArrayLike, m: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return where episodes start, each step's episode number and its place in it."""
    names = np.asarray(values)
    if names.ndim != 1:
        raise UnusableLog(f"has shape {names.shape}, (m,) is needed", argument="episode")
    same_length("episode", names, m)
    first = np.concatenate([[True], names[1:] != names[:-1]])
    start = np.flatnonzero(first)
    if len(np.unique(names[start])) != len(start):
        raise UnusableLog("comes in pieces; put each episode's steps next to each other, in order", argument="episode")
    owner = np.cumsum(first) - 1
    return start, owner, np.arange(m) - start[owner]


def _seen(steps: Steps, raw: Vector) -> tuple[NDArray[np.bool_], Vector]:
    """Return which rewards were observed and the probability of that, 1 where nothing is said."""
    if steps.observe_prob is None:
        if steps.observed is not None:
            raise UnusableLog(
                "is needed with observed: the logged probability of being judged", argument="observe_prob"
            )
        return np.ones(len(raw), dtype=bool), np.ones(len(raw))
    chance = as_floats("observe_prob", steps.observe_prob)
    same_length("observe_prob", chance, len(raw))
    probabilities("observe_prob", chance, zero=False)
    observed = ~np.isnan(raw) if steps.observed is None else np.asarray(steps.observed, dtype=bool)
    same_length("observed", observed, len(raw))
    return observed, chance


def _target(steps: Steps, m: int) -> tuple[Vector, Matrix | None, NDArray[np.intp] | None, Matrix | None]:
    given = as_floats("target_prob", steps.target_prob, dimensions=(1, 2))
    same_length("target_prob", given, m)
    if given.ndim == 1:
        probabilities("target_prob", given, zero=True)
        return given, None, None, None
    distributions("target_prob", given)
    if steps.action is None:
        raise UnusableLog("is needed with a target_prob of shape (m, k)", argument="action")
    action = chosen("action", steps.action, n=m, k=given.shape[1])
    q_hat = None if steps.q_hat is None else as_floats("q_hat", steps.q_hat, dimensions=(2,))
    if q_hat is not None:
        finite("q_hat", q_hat)
        if q_hat.shape != given.shape:
            raise UnusableLog(f"has shape {q_hat.shape} and target_prob {given.shape}", argument="q_hat")
    return picked(given, action), given, action, q_hat


def _cumulative(read: _Read) -> Vector:
    """Return each step's product of ratios from its episode's first step to it."""
    weight = read.target_prob / read.propensity
    for depth in range(1, int(read.depth.max()) + 1):
        at = np.flatnonzero(read.depth == depth)
        weight[at] *= weight[at - 1]
    return weight


def _mean_by_depth(read: _Read, weight: Vector) -> Vector:
    """Return the mean weight at each depth over all episodes, 1 where every weight is 0."""
    held = np.zeros(len(read.start))
    means = np.ones(int(read.depth.max()) + 1)
    for depth in range(len(means)):
        at = np.flatnonzero(read.depth == depth)
        held[read.owner[at]] = weight[at]
        means[depth] = held.mean() or 1.0
    return means


def _estimate(read: _Read, scores: Vector, alpha: float) -> Estimate:
    """Return the mean score of the episodes with Student's interval."""
    moments = Moments(total=float(scores.sum()), square=float(scores @ scores), n=len(scores))
    low, high = mean_interval(moments, (float(scores.min()), float(scores.max())), alpha)
    weight = np.multiply.reduceat(read.target_prob / read.propensity, read.start)
    squares = float(weight @ weight)
    ess = float(weight.sum()) ** 2 / squares if squares else 0.0
    return Estimate(
        value=moments.mean, low=min(low, moments.mean), high=max(high, moments.mean), n=len(scores), ess=ess
    )
