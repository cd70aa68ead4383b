"""The multiclass benchmark of Open Bandit Pipeline on scikit-learn's digits, with its published errors; prints nothing.

Its protocol (obp 0.5, examples/multiclass): 30 % of the digits train a logistic regression, which logs with 60 % of its
choices uniform, and a random forest, the target, with 10 %; the rest are logged rows whose reward is 1 for the right
digit. The reward model is boosted trees, cross-fitted in three folds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.evaluate import estimate
from bandit_router.evaluate.reward_model import cross_fit

# Mean relative error over the runs 0 to 29.
PUBLISHED: Final = {
    "dm": 0.437,
    "ips": 0.031,
    "snips": 0.023,
    "dr": 0.0165,
    "sndr": 0.022,
    "switch_dr": 0.034,
    "dros": 0.016,
}
RUNS: Final = 30
_SEED: Final = 12345
_ACTIONS: Final = 10
_SHARE_LOGGING: Final = 0.4
_SHARE_TARGET: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One split, logged: what `estimate` takes, and the target's true value."""

    context: NDArray[np.float64]
    action: NDArray[np.intp]
    reward: NDArray[np.float64]
    propensity: NDArray[np.float64]
    target: NDArray[np.float64]
    truth: float


def log_run(seed: int) -> Run:
    """Split, train both policies and log, all by the run's number."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]
    from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]

    images, digits = load_digits(return_X_y=True)
    train, context, train_digits, digit = train_test_split(images, digits, test_size=0.7, random_state=seed)
    logging = LogisticRegression(max_iter=10_000, C=100, random_state=_SEED)
    forest = RandomForestClassifier(n_estimators=30, max_depth=5, min_samples_leaf=10, random_state=_SEED)
    pmf = _mixed(logging.fit(train, train_digits).predict(context), _SHARE_LOGGING)
    target = _mixed(forest.fit(train, train_digits).predict(context), _SHARE_TARGET)
    random, row = np.random.RandomState(seed), np.arange(len(digit))
    action = np.array([random.choice(_ACTIONS, p=p, replace=False) for p in pmf])
    return Run(
        context=context,
        action=action,
        reward=(action == digit).astype(np.float64),
        propensity=pmf[row, action],
        target=target,
        truth=float(target[row, digit].mean()),
    )


def relative_errors(run: Run) -> dict[str, float]:
    """Return |estimate - truth| / truth of each published estimator; ips without a clip, as it was published."""
    q_hat = cross_fit(run.context, run.action, run.reward, actions=_ACTIONS, seed=_SEED, model=_trees())
    hyper: dict[str, dict[str, Any]] = {"ips": {"clip": np.inf}}
    return {
        name: abs(
            estimate(
                name,
                reward=run.reward,
                propensity=run.propensity,
                target_prob=run.target,
                action=run.action,
                q_hat=q_hat,
                **hyper.get(name, {}),
            ).value
            - run.truth
        )
        / run.truth
        for name in PUBLISHED
    }


def mean_errors(*, tick: Callable[[int], object]) -> dict[str, float]:
    """Return the mean relative errors over the published runs; `tick` is told each run that is done."""
    found = []
    for seed in range(RUNS):
        found.append(relative_errors(log_run(seed)))
        tick(seed)
    return {name: float(np.mean([errors[name] for errors in found])) for name in PUBLISHED}


def _trees() -> Callable[[int], Any]:
    from sklearn.ensemble import GradientBoostingClassifier

    return lambda seed: GradientBoostingClassifier(
        n_estimators=30, learning_rate=0.01, max_depth=5, min_samples_leaf=10, random_state=seed
    )


def _mixed(choice: NDArray[np.intp], share: float) -> NDArray[np.float64]:
    """Return a pmf that takes the choice with the share and is uniform else, (n, k)."""
    pmf = np.full((len(choice), _ACTIONS), (1 - share) / _ACTIONS)
    pmf[np.arange(len(choice)), choice] += share
    return pmf
