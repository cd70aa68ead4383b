"""Predicted rewards of every action for the estimators with a model, cross-fitted; it evaluates no policy.

Each row is predicted by a model that has not seen it: a model that had would call its own noise a fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bandit_router.errors import MissingExtra, UnusableLog
from bandit_router.evaluate.checks import Matrix, Vector, as_floats, chosen, finite, same_length


class Regressor(Protocol):
    """What scikit-learn's regressors and classifiers have in common; of a classifier P(reward 1) is taken."""

    def fit(self, X: Matrix, y: Vector) -> Any:
        """Learn rewards (n,) from features (n, d)."""
        ...

    def predict(self, X: Matrix) -> Any:
        """Return predictions (n,)."""
        ...


def cross_fit(
    context: ArrayLike,
    action: ArrayLike,
    reward: ArrayLike,
    *,
    actions: int,
    seed: int,
    folds: int = 3,
    model: Callable[[int], Regressor] | None = None,
) -> Matrix:
    """Return the predicted reward of every action in every row, (n, k), from contexts (n, d) and actions (n,).

    Rows without a reward (NaN) are predicted but not learned from. `model` makes a fresh one from a seed; without it,
    histograms of gradient boosted trees. Deterministic by seed. Raise `MissingExtra` and `UnusableLog`.
    """
    features = as_floats("context", context, dimensions=(2,))
    finite("context", features)
    rewards = as_floats("reward", reward)
    same_length("context", features, len(rewards))
    taken = chosen("action", action, n=len(rewards), k=actions)
    if not 2 <= folds <= len(rewards):
        raise UnusableLog(f"{folds} is not between 2 and the {len(rewards)} rows", argument="folds")
    make = model or boosted_trees()
    predicted = np.zeros((len(rewards), actions))
    for train, test in _splits(len(rewards), folds, seed):
        known = train[~np.isnan(rewards[train])]
        if not len(known):
            raise UnusableLog("has a fold without any observed reward; take fewer folds", argument="reward")
        predicted[test] = _predict(make(seed), features, taken, rewards, (known, test, actions))
    return predicted


def boosted_trees() -> Callable[[int], Regressor]:
    """Return the maker of the model taken where none is given."""
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise MissingExtra(
            "a reward model needs scikit-learn; install it with `pip install 'bandit-router[evaluate]'`, "
            "or take an estimator without a model, such as cressie_read"
        ) from None
    return lambda seed: HistGradientBoostingRegressor(max_depth=5, early_stopping=False, random_state=seed)


def _splits(n: int, folds: int, seed: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield shuffled (train, test) rows, as scikit-learn's KFold with this random_state does."""
    order = np.random.RandomState(seed).permutation(n)
    for test in np.array_split(order, folds):
        mask = np.zeros(n, dtype=bool)
        mask[test] = True
        yield np.flatnonzero(~mask), np.flatnonzero(mask)


def _predict(
    model: Regressor,
    context: Matrix,
    action: NDArray[np.intp],
    reward: Vector,
    fold: tuple[NDArray[np.intp], NDArray[np.intp], int],
) -> Matrix:
    """Return predictions (test rows, k) of a model fitted on the fold's training rows."""
    train, test, k = fold
    names = np.eye(k)
    outcome = reward[train]
    if outcome.min() == outcome.max():
        # A classifier refuses a single class, and there is nothing to learn.
        return np.full((len(test), k), outcome[0])
    model.fit(np.hstack([context[train], names[action[train]]]), outcome)
    every = np.hstack([np.repeat(context[test], k, axis=0), np.tile(names, (len(test), 1))])
    found = model.predict_proba(every)[:, 1] if hasattr(model, "predict_proba") else model.predict(every)
    return np.clip(np.asarray(found, dtype=np.float64), outcome.min(), outcome.max()).reshape(len(test), k)
