"""Logged rows, checked and turned into importance weights; it estimates nothing."""

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
    within,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """The arrays as the caller has them: n rows, k actions; None for what there is not."""

    reward: ArrayLike
    propensity: ArrayLike
    target_prob: ArrayLike
    action: ArrayLike | None = None
    q_hat: ArrayLike | None = None
    observed: ArrayLike | None = None
    observe_prob: ArrayLike | None = None
    reward_range: tuple[float, float] | None = None
    max_weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What every estimator needs. Weight is 0 where the target would not have done it, or nobody saw the reward.

    `predicted` is the reward model's mean under the target, `residual` the reward less the prediction for what was
    done; without a model they are 0 and the reward itself. `ceiling` is the largest weight a row could have had.
    """

    reward: Vector
    weight: Vector
    ceiling: float
    low: float
    high: float
    predicted: Vector | None
    residual: Vector

    @property
    def n(self) -> int:
        """Return how many rows there are."""
        return len(self.reward)

    @property
    def ess(self) -> float:
        """Return the effective sample size of the weights: (sum w)^2 / sum w^2, 0 when all are 0."""
        squares = float(self.weight @ self.weight)
        return float(self.weight.sum()) ** 2 / squares if squares else 0.0

    @property
    def heaviest(self) -> float:
        """Return the largest weight seen, or the ceiling where the target would have done nothing of what was done."""
        return float(self.weight.max()) or self.ceiling

    @property
    def residual_range(self) -> tuple[float, float]:
        """Return what a residual can be, around the mean prediction for what was done."""
        shift = float(self.reward.mean() - self.residual.mean()) if self.predicted is not None else 0.0
        return self.low - shift, self.high - shift


def read(logged: Logged) -> Rows:
    """Return checked rows, or raise `UnusableLog` for a wrong shape, a NaN, or a probability that is none."""
    raw = as_floats("reward", logged.reward)
    n = len(raw)
    propensity = as_floats("propensity", logged.propensity)
    same_length("propensity", propensity, n)
    least, _ = probabilities("propensity", propensity, zero=False)
    target, matrix, action = _target(logged, n)
    weight = target / propensity
    reward, seen, rarest = _observed(logged, raw)
    if seen is not None:
        weight *= seen
    low, high = _range(logged.reward_range, reward)
    predicted, residual = _model(logged, reward, matrix, action)
    ceiling = logged.max_weight if logged.max_weight is not None else 1 / (least * rarest)
    return Rows(
        reward=reward,
        weight=weight,
        ceiling=max(ceiling, float(weight.max())),
        low=low,
        high=high,
        predicted=predicted,
        residual=residual,
    )


def _target(logged: Logged, n: int) -> tuple[Vector, Matrix | None, NDArray[np.intp] | None]:
    """Return P(logged action) under the target and, where the whole pmf was given, that with the actions."""
    given = as_floats("target_prob", logged.target_prob, dimensions=(1, 2))
    same_length("target_prob", given, n)
    if given.ndim == 1:
        probabilities("target_prob", given, zero=True)
        return given, None, None
    distributions("target_prob", given)
    if logged.action is None:
        raise UnusableLog("is needed with a target_prob of shape (n, k)", argument="action")
    action = chosen("action", logged.action, n=n, k=given.shape[1])
    return picked(given, action), given, action


def _observed(logged: Logged, raw: Vector) -> tuple[Vector, Vector | None, float]:
    """Return rewards without NaN, 1 / P(observed) where one was observed and else 0, and the least such probability."""
    if logged.observed is None and logged.observe_prob is None:
        return raw, None, 1.0
    if logged.observe_prob is None:
        raise UnusableLog("is needed with observed: the logged probability of being judged", argument="observe_prob")
    chance = as_floats("observe_prob", logged.observe_prob)
    same_length("observe_prob", chance, len(raw))
    seen = ~np.isnan(raw) if logged.observed is None else np.asarray(logged.observed, dtype=bool)
    same_length("observed", seen, len(raw))
    if not seen.any():
        raise UnusableLog("no reward was observed; there is nothing to estimate from", argument="observed")
    probabilities("observe_prob", chance, zero=True)
    rarest, _ = probabilities("observe_prob", chance[seen], zero=False)
    inverse = np.zeros(len(raw))
    np.divide(1.0, chance, out=inverse, where=seen)
    return np.where(seen, raw, 0.0), inverse, rarest


def _range(given: tuple[float, float] | None, reward: Vector) -> tuple[float, float]:
    """Return the range of rewards: as given, else [0, 1] or the router's [-1, 1] if all lie there, else as seen."""
    if given is not None:
        low, high = float(given[0]), float(given[1])
        if not low < high:
            raise UnusableLog(f"{given} is not (low, high) with low < high", argument="reward_range")
        within("reward", reward, low, high)
        return low, high
    smallest, largest = finite("reward", reward)
    for low, high in ((0.0, 1.0), (-1.0, 1.0)):
        if low <= smallest and largest <= high:
            return low, high
    return min(smallest, 0.0), max(largest, 0.0)


def _model(
    logged: Logged, reward: Vector, matrix: Matrix | None, action: NDArray[np.intp] | None
) -> tuple[Vector | None, Vector]:
    """Return the prediction under the target and the reward less that for what was done."""
    if logged.q_hat is None:
        return None, reward
    q_hat = as_floats("q_hat", logged.q_hat, dimensions=(2,))
    same_length("q_hat", q_hat, len(reward))
    finite("q_hat", q_hat)
    if matrix is None or action is None:
        raise UnusableLog("must have shape (n, k), the target's whole pmf, with q_hat", argument="target_prob")
    if q_hat.shape != matrix.shape:
        raise UnusableLog(f"has shape {q_hat.shape} and target_prob {matrix.shape}", argument="q_hat")
    return np.einsum("ij,ij->i", matrix, q_hat), reward - picked(q_hat, action)
