"""What shadow arms answered off the path, beside what the served arms answered to the same requests; serves nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bandit_router.experiment.adjust import Matrix
from bandit_router.experiment.compare import cautious
from bandit_router.experiment.sample import Codes, Sample, Vector, mean_sample
from bandit_router.experiment.sequence import MIN_UNITS, Effect, effect
from bandit_router.experiment.spec import ArmSpec, ExperimentSpec, Metric
from bandit_router.experiment.trial import Trial, judged_everywhere

COMPARED: tuple[Metric, ...] = ("reward", "quality", "cost_usd", "latency_s", "error_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """One row a run of a shadow; `arm` of `rows` numbers the called shadows in the spec's order.

    `parent` is the row in the trial of the request beside which it ran, (n,).
    """

    rows: Trial
    parent: Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """One metric of a shadow and of a served arm on the requests that both answered; the difference is the shadow's."""

    metric: Metric
    shadow: float
    served: float
    difference: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A shadow beside one served arm: how many requests both answered, and each metric on those."""

    arm: ArmSpec
    requests: int
    metrics: tuple[Pairing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shade:
    """All that is found of one shadow; none of it was served."""

    arm: ArmSpec
    requests: int
    usd: float
    """What its calls and their judges cost, in all."""
    beside: tuple[Beside, ...]


def shades(spec: ExperimentSpec, trial: Trial, runs: Runs) -> tuple[Shade, ...]:
    """Compare each called shadow with each served arm on the requests of that arm beside which it ran."""
    return tuple(_shade(spec, arm, trial, _of(runs, number)) for number, arm in enumerate(spec.called))


def as_covariates(spec: ExperimentSpec, trial: Trial, runs: Runs) -> Matrix:
    """Return what judges said of each called shadow's answer to the trial's requests, (n, shadows); NaN where unknown.

    A shadow does not know which arm serves, so what it answers says how hard a request is whoever gets it.
    """
    found = np.full((len(trial), len(spec.called)), np.nan)
    found[runs.parent, runs.rows.arm] = runs.rows.quality
    return found[:, (~np.isnan(found)).sum(axis=0) >= MIN_UNITS]


def _of(runs: Runs, number: int) -> Runs:
    mine = runs.rows.arm == number
    return Runs(rows=runs.rows.where(mine), parent=runs.parent[mine])


def _shade(spec: ExperimentSpec, arm: ArmSpec, trial: Trial, runs: Runs) -> Shade:
    return Shade(
        arm=arm,
        requests=len(runs.rows),
        usd=float(runs.rows.cost_usd.sum()),
        beside=tuple(_beside(spec, number, trial, runs) for number in range(len(spec.served))),
    )


def _beside(spec: ExperimentSpec, number: int, trial: Trial, runs: Runs) -> Beside:
    both = trial.arm[runs.parent] == number
    at = runs.parent[both]
    # Where an answer stands for others that were not judged it does so within its whole arm, hence the order of things.
    theirs = trial.where(trial.arm == number)
    place = np.cumsum(trial.arm == number) - 1
    return Beside(
        arm=spec.served[number],
        requests=len(at),
        metrics=tuple(_pairings(spec, _columns(runs.rows, both), _columns(theirs, place[at]), trial.unit[at])),
    )


def _columns(rows: Trial, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_ | np.intp]]) -> dict[Metric, Vector]:
    quality = judged_everywhere(rows)
    columns: dict[Metric, Vector] = {
        "reward": quality + rows.offset,
        "quality": quality,
        "cost_usd": rows.cost_usd,
        "latency_s": rows.latency_s,
        "error_rate": rows.failed,
    }
    return {metric: column[chosen] for metric, column in columns.items()}


def _pairings(
    spec: ExperimentSpec,
    shadow: dict[Metric, Vector],
    served: dict[Metric, Vector],
    units: np.ndarray[tuple[int, ...], np.dtype[np.str_]],
) -> Iterator[Pairing]:
    names, code = np.unique(units, return_inverse=True)
    for metric in COMPARED:
        gap = shadow[metric] - served[metric]
        sample = (
            Sample(value=np.nan, influence=np.full(len(names), np.nan))
            if np.isnan(gap).any() or not len(gap)
            else mean_sample(gap, code, len(names))
        )
        yield Pairing(
            metric=metric,
            shadow=_average(shadow[metric]),
            served=_average(served[metric]),
            difference=effect(
                cautious(sample.mean, metric),
                alpha=spec.alpha,
                planned=spec.planned_units,
                enough=len(names) >= MIN_UNITS,
            ),
        )


def _average(values: Vector) -> float:
    return float(values.mean()) if len(values) else np.nan
