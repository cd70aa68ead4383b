"""Turns contexts into vectors, standardised by what was seen so far; it predicts nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.clusters import GROUPS, Clusters
from bandit_router.types import Context

Vector = NDArray[np.float64]
# Products in what a request waits for are written `a.dot(b)`: with so few numbers `a @ b` takes twice as long.

START: Final = 10.0
"""How many queries the moments assumed at first count for."""
SPREAD: Final = (0.01, 4e-4)
"""The variance of a surface number assumed at first, and the least it is ever taken for."""
NEARNESS: Final = (0.1, 1 / 6)
"""Of what length a deviation of a surface number and a category are beside an embedding of length 1, for groups."""
_ONE: Final = np.ones(1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Looked:
    """A context as it looks by the moments as they are: its embedding and its surface, which never change, and more."""

    context: Context
    head: Vector
    surface: Vector
    z: Vector
    """The surface in deviations from what was seen."""
    belongs: Vector
    """1 at the category's place, 0 elsewhere."""
    place: Vector
    """Where it is among others, for its groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A context as numbers: `wide` for quality, `x`, its part without groups, for how models differ, `f` for prices."""

    wide: Vector
    x: Vector
    f: Vector


def highest(values: NDArray[np.float64]) -> float:
    """Return the largest value: of few, in a third of the time that `max` takes."""
    return values.item(values.argmax())


def lowest(values: NDArray[np.float64]) -> float:
    """Return the smallest value in the same way."""
    return values.item(values.argmin())


def squared(v: Vector) -> NDArray[np.float64]:
    """Return v v' (n, n), symmetric to the bit; as a product of matrices it is quicker than as an outer one."""
    return np.asarray(np.dot(v[:, None], v[None]))


class Space:
    """The names of all columns and the moments of the numbers in them; only categories are added later.

    Columns of x: 1, the embedding's first numbers, surface, squares of the surface, categories. Of wide: memberships of
    groups of alike contexts, x. Of f: 1, surface, categories.
    """

    def __init__(self, *, dims: int) -> None:
        self.dims = dims
        self.names: tuple[str, ...] = ()
        self.categories: dict[str, int] = {}
        self.count = START
        self.centre: Vector = np.zeros(0)
        self.mean: Vector = np.zeros(0)
        self.variance: Vector = np.zeros(0)
        self.clusters = Clusters()
        self._last: _Looked | None = None
        """The last context looked at, which is asked for several times; only `note` changes how it looks."""

    def note(self, context: Context) -> None:
        """Take a context's names and numbers in; the first fixes the length of embeddings and the surface's names."""
        if not self.names and not len(self.centre):
            self.names = tuple(context.surface)
            self.centre = np.zeros(min(self.dims, len(context.embedding)))
            self.mean = np.full(len(self.names), 0.1)
            self.variance = np.full(len(self.names), SPREAD[0])
            self._last = None
        self.categories.setdefault(context.category, len(self.categories))
        self.count += 1
        seen = self._look(context)
        self.centre += (seen.head - self.centre) / self.count
        step = seen.surface - self.mean
        self.mean += step / self.count
        self.variance += (step * (step - step / self.count) - self.variance) / self.count
        self._last = self._looked(context, seen.head, seen.surface)
        self.clusters.note(self._last.place)

    def point(self, context: Context) -> Point:
        """Return a context as numbers; a category not noted yet is none."""
        seen = self._look(context)
        squares = np.minimum(seen.z * seen.z, 6.0) - (self.variance > 1e-3)
        near = self.clusters.memberships(seen.place)
        wide = np.concatenate((near, _ONE, seen.head - self.centre, seen.z, squares, seen.belongs))
        return Point(wide=wide, x=wide[GROUPS:], f=np.concatenate((_ONE, seen.z, seen.belongs)))

    def by_column(self, one: float, embedding: float, surface: float, square: float, category: float) -> Vector:
        """Return a vector like x with one number for all columns of a sort."""
        n = len(self.names)
        return np.repeat([one, embedding, surface, square, category], [1, len(self.centre), n, n, len(self.categories)])

    def by_price_column(self, one: float, surface: float, category: float) -> Vector:
        """Return a vector like f with one number for all columns of a sort."""
        return np.repeat([one, surface, category], [1, len(self.names), len(self.categories)])

    @property
    def columns(self) -> int:
        """How long x is."""
        return 1 + len(self.centre) + 2 * len(self.names) + len(self.categories)

    @property
    def price_columns(self) -> int:
        """How long f is."""
        return 1 + len(self.names) + len(self.categories)

    def _look(self, context: Context) -> _Looked:
        if self._last is None or self._last.context is not context:
            self._last = self._looked(context, self._embedding(context), self._surface(context))
        return self._last

    def _looked(self, context: Context, head: Vector, surface: Vector) -> _Looked:
        z, belongs = self._standard(surface), self._belongs(context)
        place = np.concatenate((head, NEARNESS[0] * z, NEARNESS[1] * belongs))
        return _Looked(context=context, head=head, surface=surface, z=z, belongs=belongs, place=place)

    def _embedding(self, context: Context) -> Vector:
        """Return the head of the embedding at length 1: what a Matryoshka embedding of that size would be."""
        size = len(self.centre)
        head = np.zeros(size)
        head[: len(context.embedding)] = context.embedding[:size]
        norm = math.sqrt(float(head.dot(head)))
        return head / norm if 0 < norm < math.inf else np.zeros(size)

    def _standard(self, surface: Vector) -> Vector:
        """Return the surface in deviations from what was seen, held to [-3, 3]."""
        z = (surface - self.mean) / np.sqrt(self.variance + SPREAD[1])
        return np.minimum(np.maximum(z, -3.0), 3.0)

    def _belongs(self, context: Context) -> Vector:
        """Return 1 at the category's place, 0 elsewhere."""
        belongs = np.zeros(len(self.categories))
        if (place := self.categories.get(context.category)) is not None:
            belongs[place] = 1.0
        return belongs

    def _surface(self, context: Context) -> Vector:
        values = [context.surface.get(name, 0.0) for name in self.names]
        found = np.array(values, dtype=np.float64)
        return found if math.isfinite(sum(values)) else np.nan_to_num(found, posinf=1.0, neginf=0.0)
