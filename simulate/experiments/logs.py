"""Logs of simulated experiments, as the analysis takes them; nothing here analyses."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bandit_router.experiment.spec import ArmSpec, ExperimentSpec
from bandit_router.experiment.trial import Trial


def two_arms(*, labels: bool = False, planned: int = 2000, control_weight: float = 1.0, **keys: Any) -> ExperimentSpec:
    """Return an experiment of a control and a treatment, with other keys of a file as they are given."""
    return ExperimentSpec(
        name="simulated",
        arms=(
            ArmSpec(name="control", policy="old", control=True, learn_from="all", weight=control_weight),
            ArmSpec(name="treatment", policy="new", learn_from="all"),
        ),
        labels="random" if labels else "none",
        planned_units=planned,
        **keys,
    )


def trial(arm: ArrayLike, **given: ArrayLike) -> Trial:
    """Return a log with what is given by column; what is not is uneventful, and each request a unit of its own."""
    arms = np.asarray(arm, dtype=np.intp)
    n = len(arms)
    nothing, unknown = np.zeros(n), np.full(n, np.nan)
    columns: dict[str, ArrayLike] = {
        "unit": np.array([f"{i:016x}" for i in range(n)]),
        "day": np.arange(n) / 1000,
        "category": np.full(n, "any"),
        "quality": np.ones(n),
        "offset": nothing,
        "cost_usd": nothing,
        "latency_s": np.ones(n),
        "failed": nothing,
        "refused": nothing,
        "label": unknown,
        "stand_in_weight": nothing,
        "stand_in_sum": nothing,
        "covariates": np.empty((n, 0)),
    }
    columns |= given
    assert columns.keys() == {field.name for field in fields(Trial)} - {"arm"}, "every column is one of a log's"
    return Trial(arm=arms, **{name: np.asarray(column) for name, column in columns.items()})
