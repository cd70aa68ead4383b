"""What an experiment logged, as columns, and each arm's metrics estimated from them; it compares no arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from bandit_router.experiment.adjust import Matrix
from bandit_router.experiment.rectify import enough, filled, levelled, rectified, support
from bandit_router.experiment.sample import Codes, Sample, Vector, mean_sample, quantile_sample, sums
from bandit_router.experiment.sequence import MIN_UNITS
from bandit_router.experiment.spec import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One row a request that finished, in the order they came, (n,); NaN is what is not known.

    `arm` numbers the served arms in the spec's order, `unit` holds the units' hashes, `day` is the time in days.
    """

    arm: Codes
    unit: NDArray[np.str_]
    day: Vector
    category: NDArray[np.str_]
    quality: Vector
    """What the judges said of the answer served, in [0, 1]; NaN when it was not judged."""
    offset: Vector
    """Reward less quality: what the request cost, in units of the dial."""
    cost_usd: Vector
    latency_s: Vector
    failed: Vector
    """1 where no model answered, else 0."""
    refused: Vector
    """1 where a provider refused to answer, else 0."""
    label: Vector
    """What people said of the answer, in [0, 1]; NaN for nothing."""
    stand_in_weight: Vector
    """Of `rectify.filled`."""
    stand_in_sum: Vector
    covariates: Matrix
    """What was known of the request before it was assigned, (n, d); d may be 0."""

    def __len__(self) -> int:
        """Return the number of requests."""
        return len(self.arm)

    def where(self, chosen: NDArray[np.bool_]) -> Trial:
        """Return the rows chosen."""
        return replace(self, **{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm's rows, and the unit that each is of by number."""

    rows: Trial
    unit: Codes
    units: int


def arms(trial: Trial, names: Sequence[str]) -> list[Arm]:
    """Return each arm's rows."""
    found = []
    for number, _ in enumerate(names):
        rows = trial.where(trial.arm == number)
        names_of_units, unit = np.unique(rows.unit, return_inverse=True)
        found.append(Arm(rows=rows, unit=unit.astype(np.intp), units=len(names_of_units)))
    return found


def measure(arm: Arm, metric: Metric, *, labels: bool) -> Sample:
    """Return an arm's estimate of a metric; `labels` says whether what people said corrects the judges."""
    rows = arm.rows
    if metric in ("reward", "quality"):
        offset = rows.offset if metric == "reward" else np.zeros(len(rows))
        if labels:
            judged = levelled(rows.quality, rows.failed)
            return rectified(judged, rows.label, arm.unit, arm.units, offset=offset, failed=rows.failed)
        if support(rows.quality, rows.stand_in_weight) < MIN_UNITS:
            stood_for = filled(rows.quality, rows.stand_in_weight, rows.stand_in_sum)
            value = float(np.mean(stood_for + offset)) if len(rows) else np.nan
            return Sample(value=value, influence=np.full(arm.units, np.nan))
        return mean_sample(judged_everywhere(rows) + offset, arm.unit, arm.units)
    if metric == "latency_p95_s":
        return quantile_sample(rows.latency_s, arm.unit, arm.units, at=0.95)
    columns = {"cost_usd": rows.cost_usd, "latency_s": rows.latency_s, "error_rate": rows.failed}
    return mean_sample(columns.get(metric, rows.refused), arm.unit, arm.units)


def judged_everywhere(rows: Trial) -> Vector:
    """Return judged quality for every request of an arm, right on average; NaN where too few were judged for that."""
    if support(rows.quality, rows.stand_in_weight) < MIN_UNITS:
        return np.full(len(rows), np.nan)
    return filled(rows.quality, rows.stand_in_weight, rows.stand_in_sum)


def can_correct(found: Sequence[Arm]) -> bool:
    """Return whether every arm has labels enough to correct its judges by."""
    return all(enough(arm.rows.label[arm.rows.failed == 0]) for arm in found)


def unit_covariates(found: Sequence[Arm]) -> list[Matrix]:
    """Return what each unit's requests are above the average request of all arms, arm by arm, (units, d).

    A request without a covariate counts as average.
    """
    together = np.concatenate([arm.rows.covariates for arm in found])
    known = ~np.isnan(together)
    average = np.where(known, together, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return [_above(arm, average) for arm in found]


def _above(arm: Arm, average: Vector) -> Matrix:
    extra = np.nan_to_num(arm.rows.covariates - average)
    scale = arm.units / max(len(arm.rows), 1)
    summed = [sums(extra[:, d], arm.unit, arm.units) * scale for d in range(extra.shape[1])]
    return np.column_stack(summed) if summed else np.empty((arm.units, 0))
