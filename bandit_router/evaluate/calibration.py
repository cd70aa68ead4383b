"""Whether the logged probabilities are those that actions were drawn with; it knows no target policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit_router.evaluate.checks import Matrix, Vector
from bandit_router.evaluate.quantile import two_sided


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """The cell of (group, action) that fits worst, and the p value of the worst of all cells fitting that badly."""

    p_value: float
    action: int | str
    group: str
    drawn: float
    expected: float


def by_pmf(pmf: Matrix, action: NDArray[np.intp], group: NDArray[np.generic] | None) -> Misfit:
    """Compare how often each action was drawn, in each group of rows, with the sum of its logged probabilities.

    Independent draws vary by sum p (1 - p), so that each cell has a z score; the worst counts, Bonferroni-corrected.
    """
    names, member = _groups(group, len(pmf))
    drawn = np.zeros((len(names), pmf.shape[1]))
    np.add.at(drawn, (member, action), 1.0)
    expected, variance = (_summed(values, member, len(names)) for values in (pmf, pmf * (1 - pmf)))
    return worst(drawn, expected, variance, names)


def by_propensity(propensity: Vector, action: NDArray[np.intp], k: int, group: NDArray[np.generic] | None) -> Misfit:
    """Compare, where no pmf was logged, each action's sum of 1 / p with the number of rows it should add up to.

    Where an action was not always to be had it adds up to less, so that only more than the rows is held against a log.
    """
    names, member = _groups(group, len(propensity))
    found, variance = np.zeros((len(names), k)), np.zeros((len(names), k))
    np.add.at(found, (member, action), 1 / propensity)
    np.add.at(variance, (member, action), (1 - propensity) / propensity**2)
    rows = np.bincount(member, minlength=len(names))[:, None]
    return worst(found, np.minimum(found, rows), variance, names)


def _groups(group: NDArray[np.generic] | None, n: int) -> tuple[list[str], NDArray[np.intp]]:
    if group is None:
        return [""], np.zeros(n, dtype=np.intp)
    names, member = np.unique(group, return_inverse=True)
    return [str(name) for name in names], member.reshape(-1)


def _summed(values: Matrix, member: NDArray[np.intp], groups: int) -> Matrix:
    summed = np.zeros((groups, values.shape[1]))
    for column in range(values.shape[1]):
        summed[:, column] = np.bincount(member, weights=values[:, column], minlength=groups)
    return summed


def worst(drawn: Matrix, expected: Matrix, variance: Matrix, names: list[str]) -> Misfit:
    """Return the cell that fits worst, of counts by group and action (groups, k) and what was expected of them."""
    apart = np.abs(drawn - expected)
    # Half a draw off for counting; a cell that cannot vary is right or wrong for certain.
    z = np.where(apart < 1e-6, 0.0, np.maximum(apart - 0.5, 0.0) / np.sqrt(np.maximum(variance, 1e-9)))
    # The normal tail is no guide where less than a few draws are expected either way.
    z = np.where((variance < 3.0) & (apart < 8.0) & (variance > 1e-6), 0.0, z)
    group, action = np.unravel_index(int(np.argmax(z)), z.shape)
    return Misfit(
        p_value=min(two_sided(float(z[group, action])) * z.size, 1.0),
        action=int(action),
        group=names[int(group)],
        drawn=float(drawn[group, action]),
        expected=float(expected[group, action]),
    )
