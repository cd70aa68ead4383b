"""Simulated experiments looked at again and again: false positives, coverage, power, stopping; it prints nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bandit_router.experiment.adjust import adjusted
from bandit_router.experiment.compare import difference
from bandit_router.experiment.covariates import Requests, expected
from bandit_router.experiment.sample import mean_sample
from bandit_router.experiment.sequence import Mean

Vector = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Vector]


def reward(rng: np.random.Generator, n: int) -> Vector:
    """Draw rewards: quality 0 or 1, less a skewed price."""
    drawn: Vector = (rng.random(n) < 0.65).astype(np.float64) - 0.05 * rng.exponential(size=n)
    return drawn


def rate(rng: np.random.Generator, n: int) -> Vector:
    """Draw failures, one in twenty."""
    return (rng.random(n) < 0.05).astype(np.float64)


def cost(rng: np.random.Generator, n: int) -> Vector:
    """Draw dollars with a long tail."""
    return 0.001 * rng.lognormal(sigma=1.0, size=n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peeked:
    """What came of many experiments, as shares of them.

    `missed` is where the sequence ever left the truth out, `found` where it left 0 out on the right side, and `stopped`
    the mean units by then (all of them where it never did); `found_fixed` is by one test at the end.
    """

    missed: float
    missed_naive: float
    found: float
    found_fixed: float
    stopped: float


def peek(
    draw: Draw, *, effect: float = 0.0, units: int = 2000, looks: int = 100, experiments: int = 2000, seed: int = 0
) -> Peeked:
    """Run experiments of two equal arms, the second with `effect` added, and look at each again and again."""
    rng = np.random.default_rng(seed)
    at = np.linspace(units / looks, units, looks).astype(int)
    rows = [_one(draw(rng, units), rng.integers(0, 2, units), effect, at) for _ in range(experiments)]
    missed, naive, found, fixed, stopped = (np.mean([row[i] for row in rows]) for i in range(5))
    return Peeked(
        missed=float(missed),
        missed_naive=float(naive),
        found=float(found),
        found_fixed=float(fixed),
        stopped=float(stopped),
    )


def _one(y: Vector, arm: NDArray[np.int_], effect: float, at: NDArray[np.int_]) -> tuple[bool, bool, bool, bool, int]:
    y = y + effect * arm
    means = [_means(np.where(arm == side, y, 0.0), arm == side, at) for side in (0, 1)]
    z = NormalDist().inv_cdf(0.975)
    missed = naive = fixed = False
    stopped, found = int(at[-1]), False
    for units, control, treated in zip(at, *means, strict=True):
        if min(control.n, treated.n) < 2:
            continue
        seen = difference(treated, control, alpha=0.05, planned=int(at[-1]))
        missed |= not seen.low <= effect <= seen.high
        naive |= abs(seen.value - effect) > z * seen.error
        fixed = seen.value > z * seen.error
        if seen.low > 0 and not found:
            stopped, found = int(units), True
    return missed, naive, found, fixed, stopped


def _means(y: Vector, here: NDArray[np.bool_], at: NDArray[np.int_]) -> Sequence[Mean]:
    count, total, square = (np.cumsum(x)[at - 1] for x in (here, y, y * y))
    return [
        Mean(
            value=float(t / n) if n else 0.0,
            error=math.sqrt(max(float(s - t * t / n), 0.0) / (n - 1) / n) if n > 1 else math.inf,
            n=int(n),
        )
        for n, t, s in zip(count, total, square, strict=True)
    ]


def peek_sessions(
    *, sessions: int = 400, requests: int = 4000, looks: int = 20, experiments: int = 200, seed: int = 0
) -> tuple[float, float]:
    """Give sessions, whose requests are alike and come over the whole time, equal arms; look again and again.

    Return the shares of experiments in which an interval ever missed 0: by sessions, and as if requests were units.
    """
    rng = np.random.default_rng(seed)
    at = np.linspace(requests / looks, requests, looks).astype(int)
    missed = np.zeros((experiments, 2), dtype=bool)
    for row in missed:
        level, arms = rng.beta(2.0, 1.0, sessions), rng.integers(0, 2, sessions)
        unit = rng.choice(sessions, requests, p=rng.dirichlet(np.ones(sessions)))
        y = (rng.random(requests) < level[unit]).astype(np.float64)
        for n in at:
            for column, code in enumerate((unit[:n], np.arange(n))):
                row[column] |= _missed(y[:n], arms[unit[:n]], code, planned=sessions if column == 0 else requests)
    by_session, by_request = missed.mean(axis=0)
    return float(by_session), float(by_request)


def _missed(y: Vector, arm: NDArray[np.int_], unit: NDArray[np.int_], *, planned: int) -> bool:
    means = []
    for side in (0, 1):
        names, code = np.unique(unit[arm == side], return_inverse=True)
        means.append(mean_sample(y[arm == side], code, len(names)).mean)
    found = difference(means[1], means[0], alpha=0.05, planned=planned)
    return not found.low <= 0 <= found.high


def peek_adjusted(*, units: int = 2000, looks: int = 20, experiments: int = 200, seed: int = 0) -> float:
    """Give requests of which the context says something equal arms, and take out what other units say of each.

    What to expect is learned anew at every look. Return the share of experiments in which an interval ever missed 0.
    """
    rng = np.random.default_rng(seed)
    missed = 0
    for _ in range(experiments):
        surface, arm = rng.normal(size=(units, 8)), rng.integers(0, 2, units)
        good = (rng.random(units) < 1 / (1 + np.exp(-surface[:, 0] - surface[:, 1] * surface[:, 2]))).astype(float)
        requests = Requests(
            surface=surface,
            embedding=rng.normal(size=(units, 32)) / 6,
            category=rng.choice(["one", "other"], units),
            unit=np.array([f"{n}" for n in range(units)]),
            quality=good,
            offset=-0.05 * rng.exponential(size=units),
        )
        at = np.linspace(units / looks, units, looks).astype(int)
        missed += any(_missed_adjusted(requests.where(slice(n)), arm[:n], planned=units) for n in at)
    return missed / experiments


def _missed_adjusted(requests: Requests, arm: NDArray[np.int_], *, planned: int) -> bool:
    known = expected(requests)[:, :2]
    samples, covariates = [], []
    for side in (0, 1):
        here = np.flatnonzero(arm == side)
        y = (requests.quality + requests.offset)[here]
        samples.append(mean_sample(y, np.arange(len(here)), len(here)))
        covariates.append(known[here])
    control, treated = adjusted(samples, covariates) if known.shape[1] else samples
    found = difference(treated.mean, control.mean, alpha=0.05, planned=planned)
    return not found.low <= 0 <= found.high
