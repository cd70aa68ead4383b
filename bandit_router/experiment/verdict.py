"""What to do with an experiment, and why in one sentence; it does none of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from bandit_router.experiment.analyse import Analysis, Findings, Guard, negated
from bandit_router.experiment.sequence import MIN_UNITS, Effect
from bandit_router.experiment.spec import HIGHER_IS_BETTER, ExperimentSpec

Word = Literal["ship", "stop", "keep running"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do, which arm it is about, and why."""

    word: Word
    reason: str
    arm: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What the service does by itself: takes the next step of the ramp, or stops the experiment."""

    kind: Literal["ramp", "roll_back"]
    share: float
    """Of the eligible units, from now on."""
    reason: str


def verdict(analysis: Analysis) -> Verdict:
    """Return what to do: stop where something is broken or nothing is to be gained, ship what is surely better."""
    if analysis.mismatch.broken:
        return Verdict(word="stop", reason=_mismatch(analysis))
    if broken := _broken(analysis):
        return Verdict(word="stop", arm=broken[0].arm.name, reason=_breach(analysis.spec, *broken))
    if not analysis.treatments:
        return Verdict(word="keep running", reason="no arm but the control serves, and shadows are only looked at")
    found = [(each, _gain(analysis.spec, each)) for each in analysis.treatments]
    better = [(each, gain) for each, gain in found if gain.low > analysis.spec.min_effect]
    if better:
        return _ship(analysis.spec, *max(better, key=lambda pair: pair[1].value))
    if all(gain.high < max(analysis.spec.min_effect, 0.0) for _, gain in found):
        return _stop(analysis.spec, *max(found, key=lambda pair: pair[1].value))
    return _wait(analysis, *max(found, key=lambda pair: pair[1].value))


def move(analysis: Analysis, *, share: float, units_at_step: int) -> Move | None:
    """Return what to do without being told, None for nothing.

    `units_at_step` is how many units the smallest served arm has had since the last step of the ramp.
    """
    if analysis.mismatch.broken:
        return Move(kind="roll_back", share=0.0, reason=_mismatch(analysis))
    if broken := _broken(analysis):
        return Move(kind="roll_back", share=0.0, reason=_breach(analysis.spec, *broken))
    ahead = [step for step in analysis.spec.ramp if step > share]
    if not ahead or units_at_step < analysis.spec.ramp_units:
        return None
    return Move(
        kind="ramp",
        share=ahead[0],
        reason=f"each arm has had {units_at_step} units at {share:.0%} and no guardrail is broken",
    )


def _gain(spec: ExperimentSpec, found: Findings) -> Effect:
    change = found.primary.difference
    return change if spec.metric in HIGHER_IS_BETTER else negated(change)


def _broken(analysis: Analysis) -> tuple[Findings, Guard] | None:
    return next(((each, guard) for each in analysis.treatments for guard in each.guards if guard.broken), None)


def _mismatch(analysis: Analysis) -> str:
    found = analysis.mismatch
    shares = " / ".join(f"{count} of {sum(found.counts)}" for count in found.counts)
    planned = " / ".join(f"{count:.0f}" for count in found.expected)
    return f"the arms have {shares} units where {planned} were to be had, so the assignment cannot be trusted"


def _breach(trial: ExperimentSpec, found: Findings, guard: Guard) -> str:
    spec, change = guard.spec, guard.comparison.difference
    control, treated = guard.comparison.control.value, guard.comparison.treated.value
    allowed = f"{spec.margin:.4g}" if spec.margin is not None else f"{spec.relative:.1%}"
    return (
        f"{spec.metric} of {found.arm.name} is {treated:.4g} where the control has {control:.4g}: "
        f"{abs(change.value):.4g} worse, surely more than the {allowed} allowed "
        f"(of a guardrail just kept that is said in at most {trial.rollback_alpha:.0%} of experiments)"
    )


def _ship(spec: ExperimentSpec, found: Findings, gain: Effect) -> Verdict:
    said = f"{found.arm.name} improves {spec.metric} by {gain.value:.4g} ({gain.low:.4g} to {gain.high:.4g})"
    open_guards = [guard.spec.metric for guard in found.guards if not guard.holds]
    if open_guards:
        reason = f"{said}, but that {' and '.join(open_guards)} stay within the margin is not shown yet"
        return Verdict(word="keep running", arm=found.arm.name, reason=reason)
    kept = " and every guardrail holds" if found.guards else ""
    return Verdict(word="ship", arm=found.arm.name, reason=f"{said}{kept}")


def _stop(spec: ExperimentSpec, found: Findings, gain: Effect) -> Verdict:
    if gain.high < 0:
        reason = f"{found.arm.name} worsens {spec.metric} by {-gain.value:.4g} ({-gain.high:.4g} to {-gain.low:.4g})"
    else:
        reason = (
            f"{found.arm.name} cannot improve {spec.metric} by the {spec.min_effect:.4g} that is worth it: "
            f"{gain.value:.4g} ({gain.low:.4g} to {gain.high:.4g})"
        )
    return Verdict(word="stop", arm=found.arm.name, reason=reason)


def _wait(analysis: Analysis, found: Findings, gain: Effect) -> Verdict:
    few = min(analysis.units)
    if few < MIN_UNITS:
        reason = f"the smallest arm has {few} units, and nothing is said before each has {MIN_UNITS}"
    elif math.isfinite(gain.low) and math.isfinite(gain.high):
        reason = (
            f"the change of {analysis.spec.metric} by {found.arm.name} is {gain.value:.4g} and may be anything from "
            f"{gain.low:.4g} to {gain.high:.4g}"
        )
    else:
        reason = f"{analysis.spec.metric} has not been judged often enough in every arm yet"
    return Verdict(word="keep running", arm=found.arm.name, reason=reason)
