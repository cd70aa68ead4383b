"""An analysis as tables to print; it computes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bandit_router.experiment.analyse import Analysis, Comparison, Findings
from bandit_router.experiment.sequence import Effect
from bandit_router.experiment.shadow import Shade
from bandit_router.experiment.slices import Slice
from bandit_router.experiment.spec import GuardrailSpec

Rows = list[dict[str, object]]


def tables(analysis: Analysis) -> Iterator[tuple[str, Rows]]:
    """Yield the arms, for each treatment its metrics, guardrails, categories and periods, then each called shadow."""
    served = zip(analysis.spec.served, analysis.units, analysis.requests, strict=True)
    arms: Rows = [
        {"arm": arm.name, "policy": arm.policy, "learns from": arm.learn_from, "units": units, "requests": requests}
        for arm, units, requests in served
    ]
    yield "arms", arms
    for found in analysis.treatments:
        yield from _treatment(found, analysis)
    for shade in analysis.shadows:
        yield _shade(shade)


def by_itself(found: Findings, analysis: Analysis) -> Rows:
    """Return what each metric of a treatment and of the control is, with its interval."""
    return [
        {
            "metric": each.metric,
            analysis.spec.control.name: interval(each.control, sign=False),
            found.arm.name: interval(each.treated, sign=False),
        }
        for each in found.metrics
    ]


def interval(effect: Effect, *, share: bool = False, sign: bool = True) -> str:
    """Return an effect with its interval in words.

    >>> from bandit_router.experiment.sequence import Mean, effect
    >>> interval(effect(Mean(value=0.1, error=0.01, n=1000), alpha=0.05, planned=1000), share=True)
    '+10.0 % (7.0 % to 13.0 %)'
    """
    if math.isnan(effect.value):
        return "unknown"
    if not math.isfinite(effect.low) or not math.isfinite(effect.high):
        return f"{_number(effect.value, share, sign=sign)} (not sure yet)"
    bounds = f"{_number(effect.low, share)} to {_number(effect.high, share)}"
    return f"{_number(effect.value, share, sign=sign)} ({bounds})"


def _treatment(found: Findings, analysis: Analysis) -> Iterator[tuple[str, Rows]]:
    alpha = analysis.spec.alpha / len(analysis.treatments)
    title = f"{found.arm.name} against {analysis.spec.control.name} ({1 - alpha:.4g} intervals, at every look)"
    yield title, [_metric(each) for each in found.metrics]
    if found.guards:
        guards: Rows = [
            {
                "guardrail": guard.spec.metric,
                "allowed": _allowed(guard.spec),
                "state": "broken" if guard.broken else "holds" if guard.holds else "not sure yet",
            }
            for guard in found.guards
        ]
        yield "guardrails", guards
    if found.categories:
        yield f"{found.primary.metric} by category", [_slice(each, "category") for each in found.categories]
    periods = f"{found.primary.metric} over time, oldest first{', drifting' if found.drift.drifts else ''}"
    if found.drift.periods:
        yield periods, [_slice(each, "period") for each in found.drift.periods]


def _shade(found: Shade) -> tuple[str, Rows]:
    title = (
        f"{found.arm.name}, a shadow that was not served: {found.requests:,} requests answered for "
        f"${found.usd:.4f}, beside what was served to the same requests"
    )
    rows: Rows = [
        {
            "beside": f"{beside.arm.name} ({beside.requests:,})",
            "metric": each.metric,
            "served": _number(each.served),
            "shadow, not served": _number(each.shadow),
            "difference": interval(each.difference),
        }
        for beside in found.beside
        for each in beside.metrics
    ]
    return title, rows


def _allowed(spec: GuardrailSpec) -> str:
    return f"{spec.relative:.0%} worse" if spec.relative is not None else f"{spec.margin:g} worse"


def _metric(found: Comparison) -> dict[str, object]:
    return {
        "metric": found.metric,
        "control": _number(found.control.value),
        "treatment": _number(found.treated.value),
        "difference": interval(found.difference),
        "share": None if found.metric == "reward" else interval(found.ratio, share=True),
        "narrower": f"{found.narrower:.0%}" if found.narrower > 0.005 else None,
    }


def _slice(found: Slice, name: str) -> dict[str, object]:
    return {name: found.name, "difference": interval(found.effect), "differs": "yes" if found.differs else None}


def _number(value: float, share: bool = False, *, sign: bool = False) -> str:
    if math.isnan(value):
        return "unknown"
    plus = "+" if sign and value > 0 else ""
    return f"{plus}{100 * value:.1f} %" if share else f"{plus}{value:.4g}"
