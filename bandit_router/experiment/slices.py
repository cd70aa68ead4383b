"""Where an effect differs: by category, with the share of false discoveries held, and over time; it decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bandit_router.experiment.compare import difference
from bandit_router.experiment.sequence import MIN_UNITS, Effect, Mean, effect
from bandit_router.experiment.spec import Metric
from bandit_router.experiment.trial import Trial, arms, measure

PERIODS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The effect within one part of the requests; `differs` when it is not the effect of the rest."""

    name: str
    effect: Effect
    differs: bool = False
    p: float = 1.0
    """Of being the same as in the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The effect by period, oldest first, and by how much the later half's is above the earlier half's."""

    periods: tuple[Slice, ...]
    change: Effect | None

    @property
    def drifts(self) -> bool:
        """Return whether the effect changes with time beyond doubt."""
        return self.change is not None and not self.change.low <= 0 <= self.change.high


def by_category(trial: Trial, metric: Metric, *, names: Sequence[str], alpha: float, planned: int) -> list[Slice]:
    """Return the effect in each category with units enough, marked where it differs from that of all others."""
    found: list[tuple[str, Effect, float]] = []
    for category in sorted(set(trial.category.tolist())):
        here = trial.category == category
        inside = _apart(trial.where(here), metric, names)
        outside = _apart(trial.where(~here), metric, names)
        if inside is None:
            continue
        p = 1.0
        if outside is not None:
            p = difference(inside, outside, alpha=alpha, planned=planned).p
        found.append((category, effect(inside, alpha=alpha, planned=planned), p))
    kept = benjamini_hochberg([p for _, _, p in found], alpha)
    return [
        Slice(name=name, effect=of, p=p, differs=differs) for (name, of, p), differs in zip(found, kept, strict=True)
    ]


def over_time(trial: Trial, metric: Metric, *, names: Sequence[str], alpha: float, planned: int) -> Drift:
    """Return the effect in equal parts of the requests by time, and the later half's less the earlier half's."""
    order = np.argsort(trial.day, kind="stable")
    periods = []
    for number, rows in enumerate(np.array_split(order, PERIODS)):
        found = _apart(_rows(trial, rows), metric, names)
        if found is not None:
            periods.append(Slice(name=str(number + 1), effect=effect(found, alpha=alpha, planned=planned)))
    early, late = (_apart(_rows(trial, half), metric, names) for half in np.array_split(order, 2))
    change = None
    if early is not None and late is not None:
        change = difference(late, early, alpha=alpha, planned=planned)
    return Drift(periods=tuple(periods), change=change)


def benjamini_hochberg(p: Sequence[float], level: float) -> list[bool]:
    """Return which hypotheses to reject so that at most `level` of those rejected are true on average (1995).

    >>> benjamini_hochberg([0.001, 0.8, 0.03, 0.04], 0.05)
    [True, False, False, False]
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    passed = [rank for rank, i in enumerate(order, start=1) if p[i] <= level * rank / len(p)]
    last = max(passed, default=0)
    return [i in order[:last] for i in range(len(p))]


def _apart(trial: Trial, metric: Metric, names: Sequence[str]) -> Mean | None:
    """Return the last arm's estimate less the first's, None while one of them has too few units."""
    control, treated = arms(trial, names)
    if min(control.units, treated.units) < MIN_UNITS:
        return None
    low, high = (measure(arm, metric, labels=False).mean for arm in (control, treated))
    if not np.isfinite([low.error, high.error]).all():
        return None
    return Mean(value=high.value - low.value, error=float(np.hypot(low.error, high.error)), n=low.n + high.n)


def _rows(trial: Trial, rows: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> Trial:
    chosen = np.zeros(len(trial), dtype=bool)
    chosen[rows] = True
    return trial.where(chosen)
