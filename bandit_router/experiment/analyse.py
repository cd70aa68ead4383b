"""What an experiment's log says of its arms: every effect with bounds that hold at every look; it takes no decision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from bandit_router.experiment.adjust import adjusted
from bandit_router.experiment.alarm import at_least
from bandit_router.experiment.compare import apart, cautious, difference, ratio, single
from bandit_router.experiment.mismatch import Mismatch, mismatch
from bandit_router.experiment.sample import Sample, weighed
from bandit_router.experiment.sequence import MIN_UNITS, Effect, Mean
from bandit_router.experiment.shadow import Runs, Shade, shades
from bandit_router.experiment.slices import Drift, Slice, by_category, over_time
from bandit_router.experiment.spec import HIGHER_IS_BETTER, ArmSpec, ExperimentSpec, GuardrailSpec, Metric
from bandit_router.experiment.trial import Arm, Trial, arms, can_correct, measure, unit_covariates

GUARD_UNITS: Final = 1000
"""Where the bounds of guardrails are narrowest, in units over all arms."""
ALARM_UNITS: Final = 500
"""By how many units of a treatment a breach is to be seen."""
REPORTED: Final[tuple[Metric, ...]] = (
    "reward",
    "quality",
    "cost_usd",
    "latency_s",
    "latency_p95_s",
    "error_rate",
    "refusal_rate",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One metric of a treatment beside the control's: by how much it is above it, and by which share."""

    metric: Metric
    control: Effect
    treated: Effect
    difference: Effect
    ratio: Effect
    narrower: float = 0.0
    """By which share the covariates narrowed the difference's interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """By how much a guardrail's metric is worse than it may be: above 0 is too bad, whatever the metric's direction."""

    spec: GuardrailSpec
    excess: Effect
    at_least: float
    """A lower bound of the excess by itself, which holds at every look but for `rollback_alpha`."""
    comparison: Comparison

    @property
    def broken(self) -> bool:
        """Return whether it is worse than it may be, surely enough to roll back."""
        return self.at_least > 0

    @property
    def holds(self) -> bool:
        """Return whether it is not worse than it may be, beyond doubt."""
        return self.excess.below < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that is found of one treatment."""

    arm: ArmSpec
    primary: Comparison
    metrics: tuple[Comparison, ...]
    guards: tuple[Guard, ...]
    categories: tuple[Slice, ...]
    drift: Drift


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All that is found of an experiment."""

    spec: ExperimentSpec
    units: tuple[int, ...]
    """By served arm, in the order of the spec."""
    requests: tuple[int, ...]
    mismatch: Mismatch
    labels: int
    """How many requests people said something of."""
    corrected: bool
    """Whether the labels correct the judges."""
    treatments: tuple[Findings, ...]
    shadows: tuple[Shade, ...] = ()
    """What the shadows that are called would have come to; the verdict does not look at them."""


def analyse(spec: ExperimentSpec, trial: Trial, runs: Runs | None = None) -> Analysis:
    """Compare each treatment with the control; with several, each has its share of alpha."""
    served = spec.served
    found = arms(trial, [arm.name for arm in served])
    labelled = int(np.sum(~np.isnan(trial.label)))
    corrected = spec.labels != "none" and can_correct(found)
    of = {arm.name: each for arm, each in zip(served, found, strict=True)}
    return Analysis(
        spec=spec,
        units=tuple(arm.units for arm in found),
        requests=tuple(len(arm.rows) for arm in found),
        mismatch=mismatch([arm.units for arm in found], [arm.weight for arm in served]),
        labels=labelled,
        corrected=corrected,
        treatments=tuple(
            _findings(
                _Pair(spec, of[spec.control.name], of[arm.name], corrected, spec.control.weight / arm.weight),
                arm,
                trial,
            )
            for arm in spec.treatments
        ),
        shadows=shades(spec, trial, runs) if runs else (),
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """A treatment and the control."""

    spec: ExperimentSpec
    control: Arm
    treated: Arm
    labels: bool
    control_weight: float
    """How many units the control gets for one of the treatment's."""

    @property
    def alpha(self) -> float:
        """Return what this treatment may err by."""
        return self.spec.alpha / len(self.spec.treatments)

    def measured(self, metric: Metric) -> tuple[Sample, Sample]:
        """Return the control's and the treatment's estimate, as logged."""
        control, treated = (measure(arm, metric, labels=self.labels) for arm in (self.control, self.treated))
        return control, treated

    def adjusted(self, metric: Metric) -> tuple[Sample, Sample]:
        """Return the same with what was known beforehand taken out."""
        raw = self.measured(metric)
        covariates = unit_covariates((self.control, self.treated))
        if not covariates[0].shape[1] or min(map(len, covariates)) <= 2 * covariates[0].shape[1]:
            return raw
        if any(np.isnan(sample.influence).any() for sample in raw):
            return raw
        control, treated = adjusted(raw, covariates)
        return control, treated

    def compare(self, metric: Metric) -> Comparison:
        """Return one metric of both."""
        raw, better = self.measured(metric), self.adjusted(metric)
        control, treated = _weighed(better, metric)
        alpha, planned = self.alpha, self.spec.planned_units
        plain = apart(raw[1].mean, raw[0].mean).error
        old, new = _in_shares(better, metric)
        return Comparison(
            metric=metric,
            control=single(_alone(better[0], better[1], metric), alpha=alpha, planned=planned),
            treated=single(_alone(better[1], better[0], metric), alpha=alpha, planned=planned),
            difference=difference(treated, control, alpha=alpha, planned=planned),
            ratio=ratio(new, old, alpha=alpha, planned=planned),
            narrower=1 - apart(better[1].mean, better[0].mean).error / plain if 0 < plain < np.inf else 0.0,
        )

    def guard(self, spec: GuardrailSpec, found: Comparison) -> Guard:
        """Return how one guardrail stands: its bounds are narrowest early, as what is broken is to be seen early."""
        sign = -1.0 if spec.metric in HIGHER_IS_BETTER else 1.0
        times = sign * (1.0 + sign * (spec.relative or 0.0))
        control, treated = _weighed(self.adjusted(spec.metric), spec.metric, control=times, treated=sign)
        allowed = replace(control, value=control.value + (spec.margin or 0.0))
        excess = difference(treated, allowed, alpha=self.alpha, planned=GUARD_UNITS)
        few = min(control.n, treated.n) < MIN_UNITS
        least = -math.inf if few else self._at_least(apart(treated, allowed))
        return Guard(spec=spec, excess=excess, at_least=least, comparison=found)

    def _at_least(self, excess: Mean) -> float:
        """Return the bound that rolls back: some wrong alarms are the price of seeing breaches soon."""
        alpha = self.spec.rollback_alpha / len(self.spec.treatments)
        return at_least(excess, alpha=alpha, horizon=ALARM_UNITS * (1 + self.control_weight))


def _findings(pair: _Pair, arm: ArmSpec, trial: Trial) -> Findings:
    spec = pair.spec
    metrics = {metric: pair.compare(metric) for metric in REPORTED}
    numbers = [[each.name for each in spec.served].index(name) for name in (spec.control.name, arm.name)]
    both = trial.where(np.isin(trial.arm, numbers))
    both = _renumbered(both, numbers)
    names, alpha, planned = (spec.control.name, arm.name), pair.alpha, spec.planned_units
    return Findings(
        arm=arm,
        primary=metrics[spec.metric],
        metrics=tuple(metrics.values()),
        guards=tuple(pair.guard(each, metrics[each.metric]) for each in spec.guardrails),
        categories=tuple(by_category(both, spec.metric, names=names, alpha=alpha, planned=planned)),
        drift=over_time(both, spec.metric, names=names, alpha=alpha, planned=planned),
    )


def _renumbered(trial: Trial, numbers: Sequence[int]) -> Trial:
    return replace(trial, arm=(trial.arm == numbers[1]).astype(np.intp))


def _weighed(
    samples: tuple[Sample, Sample], metric: Metric, *, control: float = 1.0, treated: float = 1.0
) -> tuple[Mean, Mean]:
    """Return so many times the control's estimate and so many times the treatment's, to take the one from the other."""
    low, high = weighed(samples[0], control, treated), weighed(samples[1], treated, control)
    return cautious(low.mean, metric, times=control), cautious(high.mean, metric, times=treated)


def _in_shares(samples: tuple[Sample, Sample], metric: Metric) -> tuple[Mean, Mean]:
    """Return the control's and the treatment's estimate, with the errors that their ratio has from each."""
    values = [sample.value for sample in samples]
    if not min(values) > 0:
        return _weighed(samples, metric)
    shares = _weighed(samples, metric, control=1 / values[0], treated=1 / values[1])
    low, high = (Mean(value=v, error=mean.error * v, n=mean.n) for v, mean in zip(values, shares, strict=True))
    return low, high


def _alone(sample: Sample, other: Sample, metric: Metric) -> Mean:
    """Return an arm's estimate with the error that it has by itself, its share in what all were brought to included."""
    mean = cautious(weighed(sample, 1.0, 0.0).mean, metric)
    return replace(mean, error=math.hypot(mean.error, weighed(other, 0.0, 1.0).mean.error))


def negated(found: Effect) -> Effect:
    """Return the effect the other way round."""
    return Effect(
        value=-found.value,
        low=-found.high,
        high=-found.low,
        above=-found.below,
        below=-found.above,
        error=found.error,
        n=found.n,
        p=found.p,
    )
