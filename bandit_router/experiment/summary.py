"""Puts an analysis into plain data, as files and clients get it; it computes nothing."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from bandit_router.experiment.analyse import Analysis, Comparison, Findings, Guard
from bandit_router.experiment.history import Standing, in_order
from bandit_router.experiment.sequence import Effect
from bandit_router.experiment.shadow import Shade
from bandit_router.experiment.slices import Slice
from bandit_router.experiment.verdict import Verdict


def standing_body(standing: Standing, now: datetime) -> dict[str, Any]:
    """Return an experiment, where it stands and how it got there."""
    spec = standing.spec
    return {
        "experiment": spec.name,
        "state": standing.state(now),
        "share": standing.share,
        "started_at": standing.started_at.isoformat(),
        "spec": spec.model_dump(mode="json"),
        "events": [{**row, "at": event.at.isoformat()} for row, event in zip(
            in_order(standing.events), standing.events, strict=True)],
    }  # fmt: skip


def analysis_body(analysis: Analysis, verdict: Verdict) -> dict[str, Any]:
    """Return all that was found; a bound that is not there yet is null."""
    spec, ratio = analysis.spec, analysis.mismatch
    return {
        "verdict": {"word": verdict.word, "reason": verdict.reason, "arm": verdict.arm},
        "metric": spec.metric,
        "arms": [
            {
                "arm": arm.name,
                "policy": arm.policy,
                "control": arm.control,
                "learns_from": arm.learn_from,
                "units": units,
                "requests": requests,
            }
            for arm, units, requests in zip(spec.served, analysis.units, analysis.requests, strict=True)
        ],
        "sample_ratio": {"expected": [round(n, 1) for n in ratio.expected], "p": ratio.p, "broken": ratio.broken},
        "labels": analysis.labels,
        "corrected_by_labels": analysis.corrected,
        "treatments": [_findings(each) for each in analysis.treatments],
        "shadows": [_shade(each) for each in analysis.shadows],
    }


def _findings(found: Findings) -> dict[str, Any]:
    drift = found.drift
    return {
        "arm": found.arm.name,
        "metrics": [_comparison(each) for each in found.metrics],
        "guardrails": [_guard(each) for each in found.guards],
        "categories": [_slice(each) for each in found.categories],
        "periods": [_slice(each) for each in drift.periods],
        "drift": _effect(drift.change) if drift.change else None,
        "drifts": drift.drifts,
    }


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        "metric": found.metric,
        "control": _number(found.control.value),
        "control_interval": _bounds(found.control),
        "treatment": _number(found.treated.value),
        "treatment_interval": _bounds(found.treated),
        "difference": _effect(found.difference),
        "ratio": _effect(found.ratio),
        "narrower_by_covariates": found.narrower,
    }


def _guard(found: Guard) -> dict[str, Any]:
    spec = found.spec
    return {
        "metric": spec.metric,
        "margin": spec.margin,
        "relative": spec.relative,
        "state": "broken" if found.broken else "holds" if found.holds else "open",
        "excess": _effect(found.excess),
        "excess_at_least": _number(found.at_least),
    }


def _slice(found: Slice) -> dict[str, Any]:
    return {"name": found.name, "effect": _effect(found.effect), "differs": found.differs}


def _shade(found: Shade) -> dict[str, Any]:
    return {
        "arm": found.arm.name,
        "policy": found.arm.policy,
        "served": False,
        "requests": found.requests,
        "usd": found.usd,
        "beside": [
            {
                "arm": beside.arm.name,
                "requests": beside.requests,
                "metrics": [
                    {
                        "metric": each.metric,
                        "shadow": _number(each.shadow),
                        "served": _number(each.served),
                        "difference": _effect(each.difference),
                    }
                    for each in beside.metrics
                ],
            }
            for beside in found.beside
        ],
    }


def _effect(found: Effect) -> dict[str, float | int | None]:
    return {
        "value": _number(found.value),
        "low": _number(found.low),
        "high": _number(found.high),
        "p": found.p,
        "units": found.n,
    }


def _bounds(found: Effect) -> list[float | None]:
    return [_number(found.low), _number(found.high)]


def _number(value: float) -> float | None:
    """Return a number that JSON has; None for the others."""
    return value if math.isfinite(value) else None
