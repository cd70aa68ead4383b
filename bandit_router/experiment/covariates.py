"""What is to be expected of a request before it is assigned, by requests of other units; it compares no arms.

Ridge regressions on the context say what quality and what cost to expect. They learn from what came before the
experiment and from the experiment itself, but never from a unit what to expect of that unit: units are dealt into
folds, and each fold is predicted by the others (cross-fitting; Chernozhukov et al., 2018). A unit's own past says how
it differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bandit_router.experiment.adjust import Matrix
from bandit_router.experiment.sample import Vector

RIDGE: Final = 3.0
MIN_KNOWN: Final = 200
"""Fewer judged requests than this predict nothing."""
LEARNED_MOST: Final = 20_000
"""So many of an experiment's newest requests are enough to learn what to expect."""
_FOLDS: Final = 5
_CHUNK: Final = 5_000
_FAR: Final = 4.0
_PRODUCTS: Final = 0.1
"""How much products of surface features count beside the features: they are many, and each says little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Requests by context, surface (n, s) and embedding (n, d), category, unit, judged quality (NaN: none), offset."""

    surface: Matrix
    embedding: Matrix
    category: NDArray[np.str_]
    unit: NDArray[np.str_]
    quality: Vector
    offset: Vector

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.quality)

    def where(self, chosen: NDArray[np.bool_] | slice) -> Requests:
        """Return those chosen."""
        return replace(self, **{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What came before an experiment: how contexts are spread, the sums to learn from, and each unit's residual."""

    shape: _Shape
    sums: _Sums
    units: Mapping[str, float]


def learn(past: Requests) -> Past | None:
    """Learn from what came before; None when that is too little."""
    judged = past.where(~np.isnan(past.quality))
    if len(judged) < MIN_KNOWN:
        return None
    shape = _shape(judged)
    sums = _sums(judged, shape)
    gap = np.column_stack([judged.quality, judged.offset]) - _predicted(judged, shape, sums.weights())
    return Past(shape=shape, sums=sums, units=_by_unit(judged.unit, gap.sum(axis=1)))


def expected(now: Requests, past: Past | None = None) -> Matrix:
    """Return covariates of requests, (n, 3): quality and offset expected, and the unit's past (NaN: none).

    (n, 0) when too few requests were judged to expect anything.
    """
    judged = ~np.isnan(now.quality)
    judged[: max(len(now) - LEARNED_MOST, 0)] = False
    if past is None and judged.sum() < MIN_KNOWN:
        return np.empty((len(now), 0))
    shape = past.shape if past else _shape(now.where(judged))
    fold = _fold(now.unit)
    parts = [_sums(now.where(judged & (fold == k)), shape) for k in range(_FOLDS)]
    found = np.full((len(now), 3), np.nan)
    for k in range(_FOLDS):
        others = [part for j, part in enumerate(parts) if j != k] + ([past.sums] if past else [])
        found[fold == k, :2] = _predicted(now.where(fold == k), shape, _together(others).weights())
    if past:
        found[:, 2] = [past.units.get(name, np.nan) for name in now.unit.tolist()]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """How the surface is spread, which of it varies, and which categories there are."""

    mean: Vector
    deviation: Vector
    varies: NDArray[np.bool_]
    categories: NDArray[np.str_]

    def design(self, requests: Requests) -> Matrix:
        """Return what is regressed on, (n, p): surface, its squares and products, embedding, category, 1."""
        z = np.clip((requests.surface - self.mean)[:, self.varies] / self.deviation[self.varies], -_FAR, _FAR)
        left, right = np.triu_indices(z.shape[1])
        one_hot = (requests.category[:, None] == self.categories[None, :]).astype(np.float64)
        parts = [z / _FAR, _PRODUCTS * z[:, left] * z[:, right], requests.embedding, one_hot, np.ones((len(z), 1))]
        return np.column_stack(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """X'X and X'y over requests: all that a ridge regression needs of them."""

    gram: Matrix
    moment: Matrix

    def weights(self) -> Matrix:
        """Return the weights, (p, 2); the intercept is free."""
        penalty = np.full(len(self.gram), RIDGE)
        penalty[-1] = 1e-6
        return np.linalg.solve(self.gram + np.diag(penalty), self.moment).astype(np.float64)


def _shape(requests: Requests) -> _Shape:
    deviation = requests.surface.std(axis=0)
    return _Shape(
        mean=requests.surface.mean(axis=0),
        deviation=deviation,
        varies=deviation > 1e-9,
        categories=np.unique(requests.category),
    )


def _sums(requests: Requests, shape: _Shape) -> _Sums:
    parts = [
        _Sums(gram=x.T @ x, moment=x.T @ np.column_stack([part.quality, part.offset]))
        for part, x in _designs(requests, shape)
    ]
    return _together(parts)


def _together(parts: list[_Sums]) -> _Sums:
    gram = np.sum([part.gram for part in parts], axis=0)
    return _Sums(gram=gram, moment=np.sum([part.moment for part in parts], axis=0))


def _predicted(requests: Requests, shape: _Shape, weights: Matrix) -> Matrix:
    return np.concatenate([x @ weights for _, x in _designs(requests, shape)])


def _designs(requests: Requests, shape: _Shape) -> Iterator[tuple[Requests, Matrix]]:
    """Yield requests a few thousand at a time, at least once, as the designs of all of them may not fit."""
    for start in range(0, max(len(requests), 1), _CHUNK):
        part = requests.where(slice(start, start + _CHUNK))
        yield part, shape.design(part)


def _fold(unit: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return each request's fold: that of its unit, the same at every look."""
    names, code = np.unique(unit, return_inverse=True)
    folds = np.array([crc32(name.encode()) % _FOLDS for name in names.tolist()], dtype=np.intp)
    return folds[code]


def _by_unit(unit: NDArray[np.str_], residual: Vector) -> dict[str, float]:
    names, code = np.unique(unit, return_inverse=True)
    means = np.bincount(code, weights=residual) / np.bincount(code)
    return dict(zip(names.tolist(), means.tolist(), strict=True))
