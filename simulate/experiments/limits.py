"""How often any test at all could tell two failure rates apart by so many requests; it knows no test of the product."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
_NULLS = 41


def one_look(rate: float, worse: float, *, requests: int = 500, alpha: float = 0.1, control_weight: int = 1) -> float:
    """Return the most power that any test has at level alpha, one that knows both rates and looks once included.

    By the lemma of Neyman and Pearson (1933) the likelihood ratio is the best test against one common rate, so the
    common rate that it does worst against bounds every test that is to hold for all of them.
    """
    control, treated = _failures(requests * control_weight, rate), _failures(requests, worse)
    alternative = np.add.outer(control, treated)
    powers = []
    for null in np.linspace(rate, worse, _NULLS):
        assumed = np.add.outer(_failures(requests * control_weight, null), _failures(requests, null))
        powers.append(_power(assumed, alternative, alpha))
    return min(powers)


def sequential(
    rate: float, worse: float, *, requests: int = 500, alpha: float = 0.1, runs: int = 20_000, seed: int = 0
) -> float:
    """Return how often Wald's sequential test that knows both rates has found them within so many requests an arm."""
    rng = np.random.default_rng(seed)
    null = (rate + worse) / 2
    found = 0
    for _ in range(runs // 1000):
        gained = sum(_gains(rng.random((1000, requests)) < p, p, null) for p in (rate, worse))
        found += int(np.sum(np.cumsum(gained, axis=1).max(axis=1) >= -math.log(alpha)))
    return found / (runs // 1000 * 1000)


def _gains(failed: NDArray[np.bool_], rate: float, null: float) -> Vector:
    return np.where(failed, math.log(rate / null), math.log((1 - rate) / (1 - null)))


def _failures(n: int, rate: float) -> Vector:
    """Return the logarithm of the chance of each number of failures among n."""
    k = np.arange(n + 1)
    ways = math.lgamma(n + 1) - _log_factorials(k) - _log_factorials(n - k)
    log: Vector = ways + k * math.log(rate) + (n - k) * math.log1p(-rate)
    return log


def _log_factorials(k: Iterable[int]) -> Vector:
    return np.array([math.lgamma(each + 1) for each in k])


def _power(assumed: Vector, alternative: Vector, alpha: float) -> float:
    """Return the power of the likelihood ratio between two laws of outcomes, with chance deciding on its edge."""
    order = np.argsort((assumed - alternative).ravel(), kind="stable")
    risk = np.cumsum(np.exp(assumed.ravel()[order]))
    power = np.cumsum(np.exp(alternative.ravel()[order]))
    return float(np.interp(alpha, risk, power))
