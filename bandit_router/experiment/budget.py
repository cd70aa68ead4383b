"""What an experiment would need, by how much the units of a log differ; it reads no log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bandit_router.errors import BadRequest
from bandit_router.experiment.power import Need, detectable, need
from bandit_router.experiment.spec import ExperimentSpec
from bandit_router.experiment.trial import Trial, arms, measure

SHARES: Final = (0.01, 0.02, 0.05, 0.1)
"""The effects shown where none is asked for: shares of the metric's mean or, where that is small, its deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the log has: the metric's mean, the deviation of a unit, units a day; and what effects need."""

    mean: float
    deviation: float
    units: int
    units_per_day: float
    """Of those, the ones in the experiment's slots."""
    needs: tuple[Need, ...]
    shown_by_planned: float
    """The effect that the experiment's planned units show."""


def budget(spec: ExperimentSpec, log: Trial, *, days: float, effects: Sequence[float], power: float) -> Budget:
    """Return what the experiment needs, every row of the log being the control's; raise `BadRequest` for too few."""
    if not spec.treatments:
        raise BadRequest(
            f"experiment {spec.name!r} has no arm but the control that serves, so there is no effect to find"
        )
    arm = arms(log, ["control"])[0]
    if not arm.units:
        named = "" if spec.unit == "request" else f" that names its {spec.unit}"
        raise BadRequest(
            f"the log has too little to go by, as no request in it{named} could have taken part in experiment "
            f"{spec.name!r}; look further back with --days, or wait for such traffic"
        )
    sample = measure(arm, spec.metric, labels=False)
    deviation = math.sqrt(sample.mean.variance) if arm.units > 1 else math.nan
    if not deviation > 0:
        raise BadRequest(
            f"the log has too little to say how {spec.metric} varies; wait for more traffic that is judged"
        )
    alpha, share = spec.alpha / len(spec.treatments), _share(spec)
    wanted = effects or [part * max(abs(sample.value), deviation / 4) for part in SHARES]
    return Budget(
        mean=sample.value,
        deviation=deviation,
        units=arm.units,
        units_per_day=arm.units * (spec.slots[1] - spec.slots[0]) / days,
        needs=tuple(need(effect, deviation, share=share, alpha=alpha, power=power) for effect in wanted),
        shown_by_planned=detectable(spec.planned_units, deviation, share=share, alpha=alpha, power=power),
    )


def _share(spec: ExperimentSpec) -> float:
    """Return the smallest treatment's share of the units that it has together with the control."""
    least = min(arm.weight for arm in spec.treatments)
    return least / (least + spec.control.weight)
