"""Bayesian linear regression, updated exactly one observation at a time; it names no feature and chooses nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bandit_router.errors import CorruptArtifact

Vector = NDArray[np.float64]


class Ridge:
    """Weights of prior N(0, I) under noise of a given variance: recursive least squares.

    It grows with the vectors it is shown: places it has not seen are as if they had been 0 before. Scaling a feature by
    s gives its weight a prior deviation of s.
    """

    def __init__(self, *, noise: float) -> None:
        self._noise = noise
        self._mean: Vector = np.zeros(0)
        self._covariance: NDArray[np.float64] = np.zeros((0, 0))

    def predict(self, x: Vector) -> float:
        """Return the expected value at x; 0 before anything was learned."""
        n = min(len(x), len(self._mean))
        return float(x[:n] @ self._mean[:n])

    def learn(self, x: Vector, target: float) -> None:
        """Take one observation in."""
        self._grow(len(x))
        gain = self._covariance[:, : len(x)] @ x
        spread = self._noise + float(x @ gain[: len(x)])
        self._mean += gain * ((target - float(x @ self._mean[: len(x)])) / spread)
        self._covariance -= np.outer(gain, gain / spread)

    def forget(self, share: float) -> None:
        """Go back to the prior's covariance by a share of the way; the weights stay until there is better evidence."""
        self._covariance = (1 - share) * self._covariance + share * np.eye(len(self._mean))

    def dump(self) -> bytes:
        """Return mean and covariance as little-endian float64."""
        return np.concatenate([self._mean, self._covariance.ravel()]).astype("<f8").tobytes()

    @classmethod
    def load(cls, data: bytes, *, noise: float) -> Ridge:
        """Return what was dumped, to the bit; raise `CorruptArtifact` for what was not."""
        numbers = np.frombuffer(data, dtype="<f8").astype(np.float64)
        # n weights and n * n covariances.
        size = round((np.sqrt(1 + 4 * len(numbers)) - 1) / 2)
        if size * (size + 1) != len(numbers) or not np.isfinite(numbers).all():
            raise CorruptArtifact("a learned regression is damaged; fall back to an earlier version")
        ridge = cls(noise=noise)
        ridge._mean = numbers[:size].copy()
        ridge._covariance = numbers[size:].reshape(size, size).copy()
        return ridge

    def _grow(self, size: int) -> None:
        old = len(self._mean)
        if size > old:
            self._mean = np.concatenate([self._mean, np.zeros(size - old)])
            covariance = np.eye(size)
            covariance[:old, :old] = self._covariance
            self._covariance = covariance
