"""What is to be expected of a request before it is assigned, by what came before the experiment; it sees no arm.

Ridge regressions on the context say what quality and what cost to expect; a unit's own past says how it differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.experiment.adjust import Matrix
from bandit_router.experiment.sample import Vector

RIDGE: Final = 3.0
MIN_PAST: Final = 200
"""Fewer requests than this before the experiment predict nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Requests from before the experiment: context (n, d), category, unit, judged quality (NaN: unknown), offset."""

    features: Matrix
    category: NDArray[np.str_]
    unit: NDArray[np.str_]
    quality: Vector
    offset: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the past says: weights by feature and category for quality and offset, and each unit's mean residual."""

    categories: tuple[str, ...]
    weights: Matrix
    """(features + categories + 1, 2)"""
    units: Mapping[str, float]

    def of(self, features: Matrix, category: NDArray[np.str_], unit: NDArray[np.str_]) -> Matrix:
        """Return the covariates of requests, (n, 3): quality and offset expected, and the unit's past (NaN: none)."""
        past = np.array([self.units.get(name, np.nan) for name in unit.tolist()])
        return np.column_stack([_design(features, category, self.categories) @ self.weights, past])


def expect(past: Past) -> Expectation | None:
    """Learn what to expect; None when there is too little to learn from."""
    known = ~np.isnan(past.quality)
    if known.sum() < MIN_PAST:
        return None
    categories = tuple(sorted(set(past.category.tolist())))
    design = _design(past.features, past.category, categories)[known]
    targets = np.column_stack([past.quality, past.offset])[known]
    penalty = RIDGE * np.eye(design.shape[1])
    penalty[-1, -1] = 1e-6
    weights = np.linalg.solve(design.T @ design + penalty, design.T @ targets).astype(np.float64)
    residual = (targets - design @ weights).sum(axis=1)
    return Expectation(categories=categories, weights=weights, units=_by_unit(past.unit[known], residual))


def _design(features: Matrix, category: NDArray[np.str_], categories: tuple[str, ...]) -> Matrix:
    one_hot = (category[:, None] == np.array(categories, dtype=str)[None, :]).astype(np.float64)
    return np.column_stack([features, one_hot, np.ones(len(features))])


def _by_unit(unit: NDArray[np.str_], residual: Vector) -> dict[str, float]:
    names, code = np.unique(unit, return_inverse=True)
    means = np.bincount(code, weights=residual) / np.bincount(code)
    return dict(zip(names.tolist(), means.tolist(), strict=True))
