"""Learns what models and judges really cost, from list prices and bills; it decides nothing."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.space import Space, Vector, squared

PRIOR: Final = (0.5, 0.05, 0.25)
"""Prior variances of the log of bill over list price: constant, surface, category."""
NOISE: Final = 0.3
"""Variance of that log around what is expected of it, before bills are seen."""
LEAST_NOISE: Final = 0.01
"""What that variance never falls under: bills that are always as listed would otherwise leave a division by nothing."""
FADE: Final = 0.995
"""What the sums of bills and of expectations keep at each bill: they follow about 200 of them."""
MOST: Final = 1000.0
"""How many verdicts the judges' mean price remembers."""
LEAST_SHARE: Final = 0.02
"""The least share of an action's price that is taken to be the model's, not the judges'."""


class Prices:
    """A model's bill is list price x exp(weights . f) x correction: a change of price list is followed at once.

    The regression is of logarithms, so it finds the median; the correction makes the mean right.
    """

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.weights: NDArray[np.float64] = np.zeros((0, 1))
        self.covariances: list[NDArray[np.float64]] = []
        self.noise: Vector = np.zeros(0)
        self.paid: Vector = np.zeros(0)
        self.expected: Vector = np.zeros(0)
        self.judging = 0.0
        """USD for judging one answer."""
        self.judged = 0.0

    def listed(self, cost_usd: float) -> float:
        """Return the model's part of an action's expected price, in USD."""
        return max(cost_usd - self.judging, LEAST_SHARE * cost_usd, 1e-9)

    def ratios(self, f: Vector) -> Vector:
        """Return the expected bill over list price, for every model billed before."""
        logs = np.minimum(np.maximum(self.weights.dot(f[: self.weights.shape[1]]), -5.0), 5.0)
        return np.asarray(np.exp(logs) * self.paid / self.expected)

    def note_judging(self, cost_usd: float) -> None:
        """Take in what judging one answer cost."""
        self.judged = min(self.judged + 1, MOST)
        self.judging += (cost_usd - self.judging) / self.judged

    def note_bill(self, model: str, f: Vector, *, listed: float, paid: float, space: Space) -> None:
        """Take in what a call cost that was listed at so much, both in USD."""
        row = self._row(model, space)
        weights, covariance = self.weights[row], self.covariances[row]
        before = float(weights.dot(f))
        expected, ratio = math.exp(min(max(before, -5.0), 5.0)), paid / listed
        # A single bill, however large, moves the mean no more than twenty expected ones.
        self.paid[row] = FADE * self.paid[row] + min(ratio, 20 * expected)
        self.expected[row] = FADE * self.expected[row] + expected
        error = math.log(max(ratio, 1e-4)) - before
        self.noise[row] = max(self.noise[row] + (min(error * error, 9.0) - self.noise[row]) * 0.02, LEAST_NOISE)
        gain = covariance.dot(f)
        spread = float(f.dot(gain)) + float(self.noise[row])
        weights += gain * (error / spread)
        gain /= math.sqrt(spread)
        covariance -= squared(gain)

    def _row(self, model: str, space: Space) -> int:
        extra = space.price_columns - self.weights.shape[1]
        if model in self.rows and not extra:
            return self.rows[model]
        prior = space.by_price_column(*PRIOR)
        if extra > 0:
            self.weights = np.pad(self.weights, ((0, 0), (0, extra)))
            self.covariances = [_grown(covariance, prior) for covariance in self.covariances]
        if model not in self.rows:
            self.rows[model] = len(self.rows)
            self.weights = np.vstack((self.weights, np.zeros(len(prior))))
            self.covariances.append(np.diag(prior))
            self.noise = np.append(self.noise, NOISE)
            self.paid, self.expected = np.append(self.paid, 10.0), np.append(self.expected, 10.0)
        return self.rows[model]


def _grown(covariance: NDArray[np.float64], prior: Vector) -> NDArray[np.float64]:
    grown, size = np.diag(prior), len(covariance)
    grown[:size, :size] = covariance
    return grown
