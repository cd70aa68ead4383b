"""Shadows that are called: beside what was served to the same requests, and as a covariate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bandit_router.experiment.analyse import Analysis, analyse
from bandit_router.experiment.shadow import Pairing, Runs, as_covariates
from bandit_router.experiment.spec import ArmSpec, ExperimentSpec
from bandit_router.experiment.trial import Trial
from bandit_router.experiment.verdict import move, verdict
from simulate.experiments.logs import trial, two_arms

RNG = np.random.default_rng(0)
N = 1000


def spec() -> ExperimentSpec:
    made = two_arms()
    ghost = ArmSpec(name="ghost", policy="new", shadow=True, call=True, budget_usd_per_day=1.0)
    return made.model_copy(update={"arms": (*made.arms, ghost)})


def served(**columns: Any) -> Trial:
    return trial(np.arange(N) % 2, **columns)


def runs(parent: np.ndarray, **columns: Any) -> Runs:
    return Runs(rows=trial(np.zeros(len(parent)), **columns), parent=parent)


def beside(found: Analysis, arm: str, metric: str) -> Pairing:
    (shade,) = found.shadows
    (of,) = [each for each in shade.beside if each.arm.name == arm]
    return next(each for each in of.metrics if each.metric == metric)


def test_a_shadow_is_compared_on_the_requests_it_answered_alone() -> None:
    hard = np.arange(N) < 500
    log = served(quality=np.where(hard, 0.2, 0.9))
    found = analyse(spec(), log, runs(np.flatnonzero(hard), quality=np.full(500, 0.3)))
    gap = beside(found, "control", "quality")
    assert (gap.shadow, gap.served) == (pytest.approx(0.3), pytest.approx(0.2))
    assert gap.difference.value == pytest.approx(0.1)


def test_each_served_arm_has_its_own_requests() -> None:
    log = served(cost_usd=np.where(np.arange(N) % 2, 0.4, 0.1))
    found = analyse(spec(), log, runs(np.arange(N), cost_usd=np.full(N, 0.2)))
    assert beside(found, "control", "cost_usd").difference.value == pytest.approx(0.1)
    assert beside(found, "treatment", "cost_usd").difference.value == pytest.approx(-0.2)
    (shade,) = found.shadows
    assert [each.requests for each in shade.beside] == [500, 500]
    assert shade.usd == pytest.approx(0.2 * N)


def test_the_interval_of_a_shadow_holds_the_truth() -> None:
    level = RNG.random(N)
    old, new = ((RNG.random(N) < level + more).astype(float) for more in (0.0, 0.1))
    found = beside(analyse(spec(), served(quality=old), runs(np.arange(N), quality=new)), "control", "quality")
    truth = float(np.minimum(level + 0.1, 1).mean() - level.mean())
    assert found.difference.low < truth < found.difference.high
    assert found.difference.high - found.difference.low < 0.4


def test_a_few_answers_have_no_interval() -> None:
    found = beside(analyse(spec(), served(), runs(np.arange(20))), "control", "cost_usd")
    assert not np.isfinite(found.difference.low)


def test_a_shadow_without_runs_has_nothing_to_say() -> None:
    found = analyse(spec(), served(), runs(np.arange(0)))
    assert (found.shadows[0].requests, beside(found, "control", "quality").shadow) == (
        0,
        pytest.approx(np.nan, nan_ok=True),
    )


def test_the_verdict_does_not_look_at_shadows() -> None:
    log = served(quality=(RNG.random(N) < 0.5).astype(float))
    alone, shaded = analyse(spec(), log), analyse(spec(), log, runs(np.arange(N), quality=np.ones(N)))
    assert alone.treatments == shaded.treatments


def test_what_a_shadow_answered_says_how_hard_a_request_is() -> None:
    known = as_covariates(spec(), served(), runs(np.arange(0, N, 2), quality=np.full(N // 2, 0.7)))
    assert known.shape == (N, 1)
    assert np.nanmax(known) == 0.7
    assert np.isnan(known[1::2]).all()


def test_a_few_answers_are_no_covariate() -> None:
    assert as_covariates(spec(), served(), runs(np.arange(10))).shape == (N, 0)


def test_shadows_can_be_looked_at_beside_the_control_alone() -> None:
    made = spec()
    lone = made.model_copy(update={"arms": (made.control, *made.called)})
    found = analyse(lone, trial(np.zeros(N)), runs(np.arange(N)))
    assert verdict(found).word == "keep running"
    assert move(found, share=1.0, units_at_step=0) is None
    assert [each.arm.name for each in found.shadows[0].beside] == ["control"]
