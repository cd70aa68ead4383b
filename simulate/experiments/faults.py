"""What goes wrong with experiments: lopsided assigners, failing arms, biased judges; it says how soon and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bandit_router.experiment.analyse import analyse
from bandit_router.experiment.compare import difference
from bandit_router.experiment.mismatch import mismatch
from bandit_router.experiment.rectify import rectified
from bandit_router.experiment.sample import Codes, Sample, Vector, mean_sample
from bandit_router.experiment.spec import ExperimentSpec, GuardrailSpec
from bandit_router.experiment.trial import Trial
from bandit_router.experiment.verdict import move
from simulate.experiments.logs import trial, two_arms

NO_MARGIN: Final = GuardrailSpec(metric="error_rate", relative=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """The share of runs that gave alarm by the end, and the median and the 95th percentile of when, in units."""

    share: float
    median: float
    late: float


def lopsided(share: float, *, units: int = 3000, every: int = 50, runs: int = 1000, seed: int = 0) -> Alarm:
    """Assign with `share` where a half was planned, and look every so many units; when is that flagged?"""
    rng = np.random.default_rng(seed)
    at = np.arange(every, units + 1, every)
    when = []
    for _ in range(runs):
        ones = np.cumsum(rng.random(units) < share)[at - 1]
        flagged = [int(n) for n, k in zip(at, ones, strict=True) if mismatch([int(k), int(n - k)], [1, 1]).broken]
        when.append(flagged[0] if flagged else np.inf)
    return _alarm(when)


def guarded(guard: GuardrailSpec = NO_MARGIN, *, alpha: float = 0.1, control_weight: int = 1) -> ExperimentSpec:
    """Return an experiment with a guardrail; the control has `control_weight` requests for one of the treatment's."""
    return two_arms(guardrails=(guard,), rollback_alpha=alpha, control_weight=control_weight)


def breach(
    rate: float,
    worse: float,
    spec: ExperimentSpec | None = None,
    *,
    requests: int = 500,
    every: int = 10,
    runs: int = 200,
    seed: int = 0,
) -> Alarm:
    """Let the treatment fail at `worse` where the control fails at `rate`; after how many of its requests is it out?"""
    rng, spec = np.random.default_rng(seed), spec or guarded()
    weight, when = round(spec.control.weight), []
    for _ in range(runs):
        arm = np.tile([1] + [0] * weight, requests)
        failed = (rng.random(len(arm)) < np.where(arm == 1, worse, rate)).astype(np.float64)
        when.append(_rolled_back(spec, trial(arm, failed=failed, quality=1 - failed), every * (1 + weight)))
    return _alarm(when)


def _rolled_back(spec: ExperimentSpec, log: Trial, every: int) -> float:
    """Return how many requests the treatment had when it was rolled back."""
    for n in range(every, len(log) + 1, every):
        found = analyse(spec, log.where(np.arange(len(log)) < n))
        step = move(found, share=1.0, units_at_step=0)
        if step is not None:
            return float(found.requests[1])
    return float(np.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """The shares of runs whose interval held the truth, and the intervals' mean widths."""

    corrected: float
    judge_only: float
    labels_only: float
    width: float
    width_labels_only: float


def biased_judge(
    *, bias: float = 0.10, share: float = 0.05, effect: float = 0.02, units: int = 10000, runs: int = 500, seed: int = 0
) -> Covered:
    """Let the judge favour the treatment, and people label a few answers of each arm, picked at random."""
    rng = np.random.default_rng(seed)
    held = []
    for _ in range(runs):
        arm = rng.integers(0, 2, units)
        truth = (rng.random(units) < 0.65 + effect * arm).astype(np.float64)
        judged = np.clip(0.15 + 0.6 * truth + rng.normal(0, 0.12, units) + bias * arm, 0, 1)
        label = np.where(rng.random(units) < share, truth, np.nan)
        held.append(_held(arm, judged, label, effect))
    corrected, judge, labels, width, width_labels = np.mean(held, axis=0)
    return Covered(
        corrected=float(corrected),
        judge_only=float(judge),
        labels_only=float(labels),
        width=float(width),
        width_labels_only=float(width_labels),
    )


def _held(arm: Codes, judged: Vector, label: Vector, effect: float) -> tuple[bool, bool, bool, float, float]:
    samples: list[list[Sample]] = [[], [], []]
    for side in (0, 1):
        here = arm == side
        unit, n = np.arange(int(here.sum())), int(here.sum())
        samples[0].append(rectified(judged[here], label[here], unit, n))
        samples[1].append(mean_sample(judged[here], unit, n))
        samples[2].append(mean_sample(label[here], unit, n))
    seen = [difference(high.mean, low.mean, alpha=0.05, planned=len(arm)) for low, high in samples]
    held = [each.low <= effect <= each.high for each in seen]
    return held[0], held[1], held[2], seen[0].high - seen[0].low, seen[2].high - seen[2].low


def _alarm(when: Sequence[float]) -> Alarm:
    return Alarm(
        share=float(np.mean(np.isfinite(when))),
        median=float(np.quantile(when, 0.5, method="nearest")),
        late=float(np.quantile(when, 0.95, method="nearest")),
    )
