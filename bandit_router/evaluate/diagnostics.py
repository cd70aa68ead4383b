"""What a log can say of a target policy, before any estimate: support, weights, calibration, drift; no value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bandit_router.errors import UnusableLog
from bandit_router.evaluate.calibration import Misfit, by_pmf, by_propensity
from bandit_router.evaluate.checks import Matrix, Vector, as_floats, chosen, distributions, finite, picked, same_length
from bandit_router.evaluate.leaning import Leaning, by_features
from bandit_router.evaluate.quantile import chi_square_tail, two_sided
from bandit_router.evaluate.rows import Logged, Rows, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A log to be examined, rows in the order of time: n rows, k actions; None for what there is not.

    `pmf` (n, k) is the whole logged pmf, `group` (n,) any label to test calibration within (a category, a policy's
    version): marginal counts alone do not tell a policy that follows its contexts from a uniform one. `event_id` (n,)
    is what makes a row unique. `features` {name: (n,)} are numbers known before the draw, which draws may follow too.
    """

    logged: Logged
    pmf: ArrayLike | None = None
    group: ArrayLike | None = None
    event_id: ArrayLike | None = None
    features: Mapping[str, ArrayLike] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The logged rewards' mean in the first and second half, and p values of no change in them and in the actions."""

    reward_first: float
    reward_second: float
    reward_p: float
    action_p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Numbers about a log and a target. Shares are in [0, 1].

    `matched` is the rows that the target could have done, `overlap` the mean of min(1, w): the probability that logging
    and target share. `mean_weight` should be 1; `weight_p` is the p value of that. `heaviest_share` is the part of all
    weight on one row, `heaviest` its size. `unsupported` is the target's probability on what could not be drawn, None
    where no pmf was logged; `unsupported_rows` the decisions in which there was any. `mismatched` rows have a
    propensity that is not their pmf's entry. `leaning` is None where there are no features.
    """

    n: int
    ess: float
    matched: float
    overlap: float
    mean_weight: float
    weight_p: float
    heaviest: float
    heaviest_share: float
    unsupported: float | None
    unsupported_rows: float | None
    misfit: Misfit | None
    leaning: Leaning | None
    mismatched: int
    duplicates: int
    drift: Drift


def diagnose(window: Window) -> Diagnosis:
    """Examine a log for a target; raise `UnusableLog` for arrays that are no log."""
    rows = read(window.logged)
    pmf, action = _pmf(window, rows.n)
    lost = _unsupported(window.logged, pmf)
    return describe(
        rows,
        unsupported=None if lost is None else (float(lost.mean()), float((lost > 1e-9).mean())),
        misfit=_misfit(window, pmf, action),
        leaning=_leaning(window.features, pmf, action),
        mismatched=_mismatched(window.logged, pmf, action),
        duplicates=_duplicates(window.event_id, rows.n),
        drift=_drift(window.logged, rows, action),
    )


def describe(
    rows: Rows,
    *,
    unsupported: tuple[float, float] | None,
    misfit: Misfit | None,
    duplicates: int,
    drift: Drift,
    leaning: Leaning | None,
    mismatched: int,
) -> Diagnosis:
    """Put together what was found of a log and what the weights of its rows say.

    `unsupported` is the target's probability on what could not be drawn, and the share of decisions with any.
    """
    weight, total = rows.weight, float(rows.weight.sum())
    return Diagnosis(
        n=rows.n,
        ess=rows.ess,
        matched=float((weight > 0).mean()),
        overlap=float(np.minimum(weight, 1.0).mean()),
        mean_weight=total / rows.n,
        weight_p=_weight_p(rows),
        heaviest=float(weight.max()),
        heaviest_share=float(weight.max()) / total if total else 0.0,
        unsupported=None if unsupported is None else unsupported[0],
        unsupported_rows=None if unsupported is None else unsupported[1],
        misfit=misfit,
        leaning=leaning,
        mismatched=mismatched,
        duplicates=duplicates,
        drift=drift,
    )


def _pmf(window: Window, n: int) -> tuple[Matrix | None, NDArray[np.intp] | None]:
    """Return the logged pmf and the actions, checked."""
    given = window.logged.action
    if window.pmf is None:
        return None, None if given is None else chosen("action", given, n=n, k=int(np.max(np.asarray(given))) + 1)
    pmf = as_floats("pmf", window.pmf, dimensions=(2,))
    same_length("pmf", pmf, n)
    distributions("pmf", pmf)
    if given is None:
        raise UnusableLog("is needed with pmf, the column of what was done", argument="action")
    return pmf, chosen("action", given, n=n, k=pmf.shape[1])


def _weight_p(rows: Rows) -> float:
    """Return the p value of E[w] = 1, by z, with one row of the largest possible weight that might have come."""
    apart = rows.weight - 1
    spread = float(apart @ apart) + (rows.ceiling - 1) ** 2
    return two_sided(float(apart.sum()) / math.sqrt(spread)) if spread else 1.0


def _unsupported(logged: Logged, pmf: Matrix | None) -> Vector | None:
    """Return each row's target probability on actions that had none in the log."""
    target = np.asarray(logged.target_prob, dtype=np.float64)
    if pmf is None or target.shape != pmf.shape:
        return None
    lost: Vector = np.where(pmf > 0, 0.0, target) @ np.ones(pmf.shape[1])
    return lost


def _misfit(window: Window, pmf: Matrix | None, action: NDArray[np.intp] | None) -> Misfit | None:
    if action is None:
        return None
    group = None if window.group is None else np.asarray(window.group)
    if group is not None:
        same_length("group", group, len(action))
    if pmf is not None:
        return by_pmf(pmf, action, group)
    propensity = np.asarray(window.logged.propensity, dtype=np.float64)
    return by_propensity(propensity, action, int(action.max()) + 1, group)


def _leaning(
    features: Mapping[str, ArrayLike] | None, pmf: Matrix | None, action: NDArray[np.intp] | None
) -> Leaning | None:
    if not features or pmf is None or action is None:
        return None
    columns = [as_floats(name, values) for name, values in features.items()]
    for name, column in zip(features, columns, strict=True):
        same_length(name, column, len(action))
        finite(name, column)
    return by_features(pmf, action, np.column_stack(columns), list(features))


def _mismatched(logged: Logged, pmf: Matrix | None, action: NDArray[np.intp] | None) -> int:
    if pmf is None or action is None:
        return 0
    return int((np.abs(picked(pmf, action) - np.asarray(logged.propensity, dtype=np.float64)) > 1e-6).sum())


def _duplicates(event_id: ArrayLike | None, n: int) -> int:
    if event_id is None:
        return 0
    names = np.asarray(event_id)
    same_length("event_id", names, n)
    return n - len(np.unique(names))


def _drift(logged: Logged, rows: Rows, action: NDArray[np.intp] | None) -> Drift:
    seen = ~np.isnan(np.asarray(logged.reward, dtype=np.float64))
    if logged.observed is not None:
        seen = np.asarray(logged.observed, dtype=bool)
    return drifted(rows.reward, seen, action)


def drifted(reward: Vector, seen: NDArray[np.bool_], action: NDArray[Any] | None) -> Drift:
    """Compare the halves of the window, over the rows whose reward was observed."""
    half = len(reward) // 2
    first, second = reward[:half][seen[:half]], reward[half:][seen[half:]]
    means = tuple(float(part.mean()) if len(part) else math.nan for part in (first, second))
    return Drift(
        reward_first=means[0],
        reward_second=means[1],
        reward_p=_change_p(first, second),
        action_p=None if action is None else _shares_p(action[:half], action[half:]),
    )


def _change_p(first: Vector, second: Vector) -> float:
    """Return Welch's p value of equal means, 1 where a half says nothing."""
    if min(len(first), len(second)) < 2:
        return 1.0
    error = math.sqrt(first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second))
    return two_sided(float(first.mean() - second.mean()) / error) if error else 1.0


def _shares_p(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return the chi-square p value of equal shares of actions."""
    if not len(first):
        return 1.0
    k = int(max(first.max(), second.max())) + 1
    counts = np.stack([np.bincount(first, minlength=k), np.bincount(second, minlength=k)]).astype(np.float64)
    counts = counts[:, counts.sum(axis=0) >= 10]
    if counts.shape[1] < 2:
        return 1.0
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    return chi_square_tail(float(((counts - expected) ** 2 / expected).sum()), counts.shape[1] - 1)
