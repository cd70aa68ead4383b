"""Groups contexts that are alike, online, and says how near a context is to each group; it predicts nothing."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

GROUPS: Final = 64
APART: Final = 0.2
"""How far, squared, from every centre a context must be to start a group of its own while there are few."""
SHARPNESS: Final = 0.15
"""Squared distance by which membership falls e-fold, over that of contexts to their nearest centre."""
RECENT: Final = 200.0
"""Over how many contexts that distance is averaged."""


class Clusters:
    """Online k-means (MacQueen, 1967): a centre is the mean of the contexts nearest to it."""

    def __init__(self) -> None:
        self.counts: Vector = np.zeros(0)
        self.radius = 0.5
        """Squared distance of recent contexts to their nearest centre."""
        self.centres = np.zeros((0, 0))

    @property
    def centres(self) -> NDArray[np.float64]:
        """The centres, a row each; only `note` moves one."""
        return self._centres

    @centres.setter
    def centres(self, centres: NDArray[np.float64]) -> None:
        self._centres, self._lengths = centres, np.array([float(centre.dot(centre)) for centre in centres])

    def note(self, place: Vector) -> None:
        """Move the nearest centre a little, or make the context a centre; `place` may be longer than those before."""
        if (extra := len(place) - self.centres.shape[1]) > 0:
            self.centres = np.pad(self.centres, ((0, 0), (0, extra)))
        squares = self._squares(place) + float(place.dot(place))
        nearest = int(squares.argmin()) if len(squares) else 0
        if len(squares) < GROUPS:
            if not len(squares) or squares[nearest] > APART:
                self.centres = np.vstack((self.centres, place))
                self.counts = np.append(self.counts, 1.0)
            return
        self.radius += (float(squares[nearest]) - self.radius) / RECENT
        self.counts[nearest] += 1
        centre = self.centres[nearest]
        centre += (place - centre) / self.counts[nearest]
        self._lengths[nearest] = centre.dot(centre)

    def memberships(self, place: Vector) -> Vector:
        """Return how much a context belongs to each of `GROUPS` groups: shares that sum to 1, or all 0 at first."""
        if not len(self.centres):
            return np.zeros(GROUPS)
        squares = self._squares(place[: self.centres.shape[1]])
        near = np.exp((squares.item(squares.argmin()) - squares) / (SHARPNESS * max(self.radius, 1e-3)))
        near /= near.sum()
        return near if len(near) == GROUPS else np.append(near, np.zeros(GROUPS - len(near)))

    def _squares(self, place: Vector) -> Vector:
        """Return the squared distances to all centres, less the squared length of the place."""
        return np.asarray(self._lengths - 2.0 * self.centres.dot(place))
