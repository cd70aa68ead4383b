"""What a log says of arms: estimates, units, corrections and slices."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bandit_router.experiment.adjust import adjusted
from bandit_router.experiment.analyse import Analysis, analyse
from bandit_router.experiment.compare import difference, ratio
from bandit_router.experiment.power import detectable, need
from bandit_router.experiment.rectify import filled, rectified, worth
from bandit_router.experiment.sample import Sample, mean_sample, quantile_sample
from bandit_router.experiment.sequence import MIN_UNITS, Effect, Mean
from bandit_router.experiment.slices import benjamini_hochberg
from bandit_router.experiment.spec import GuardrailSpec
from bandit_router.experiment.verdict import move, verdict
from simulate.experiments.logs import trial, two_arms

RNG = np.random.default_rng(7)
ARM = np.tile([0, 1], 1000)


def found(quality: np.ndarray, *, arm: np.ndarray = ARM, **columns: np.ndarray) -> Analysis:
    return analyse(two_arms(), trial(arm, quality=quality, **columns))


def good(*, gain: float = 0.0, n: int = 2000, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random(n) < 0.6 + gain * ARM[:n]).astype(float)


def test_requests_of_one_unit_count_as_one_where_they_agree() -> None:
    y = np.repeat(RNG.random(100), 10)
    unit = np.repeat(np.arange(100), 10)
    assert mean_sample(y, unit, 100).mean.error == pytest.approx(y[::10].std(ddof=1) / 10)


def test_requests_of_one_unit_count_each_where_they_are_independent() -> None:
    y, unit = RNG.random(20000), np.repeat(np.arange(2000), 10)
    assert mean_sample(y, unit, 2000).mean.error == pytest.approx(y.std() / math.sqrt(20000), rel=0.1)


def test_the_error_of_a_quantile_is_that_of_repeated_draws() -> None:
    drawn = RNG.exponential(size=(400, 2000))
    spread = np.quantile(drawn, 0.95, axis=1).std()
    error = np.mean([quantile_sample(y, np.arange(2000), 2000, at=0.95).mean.error for y in drawn[:50]])
    assert error == pytest.approx(spread, rel=0.15)


def test_a_covariate_that_says_all_leaves_no_error() -> None:
    x = [RNG.random((300, 1)), RNG.random((300, 1))]
    samples = [Sample(value=float(part.mean()), influence=part[:, 0] - part.mean()) for part in x]
    low, high = adjusted(samples, x)
    assert high.value == pytest.approx(low.value)
    assert high.mean.error == pytest.approx(0.0, abs=1e-12)


def missed(seed: int) -> dict[str, bool]:
    """Return which of a cost's 95 % intervals, at a single look, miss the truth where covariates say nearly all."""
    rng, n = np.random.default_rng(seed), 600
    x = rng.normal(size=n)
    cost = 1.0 + ARM[:n] + 0.45 * x + rng.normal(0, 0.1, n)
    spec = two_arms(guardrails=(GuardrailSpec(metric="cost_usd", relative=0.5),))
    of = analyse(spec, trial(ARM[:n], cost_usd=cost, covariates=x[:, None])).treatments[0]
    found = next(each for each in of.metrics if each.metric == "cost_usd")
    ratio = replace(found.ratio, value=math.log1p(found.ratio.value))
    truths = {"control": (found.control, 1.0), "treated": (found.treated, 2.0), "difference": (found.difference, 1.0),
              "ratio": (ratio, math.log(2)), "relative guardrail": (of.guards[0].excess, 0.5)}  # fmt: skip
    return {name: abs(each.value - truth) > 1.96 * each.error for name, (each, truth) in truths.items()}


def test_what_was_known_beforehand_leaves_every_interval_as_wide_as_its_error() -> None:
    found = [missed(seed) for seed in range(150)]
    often = {name: np.mean([each[name] for each in found]) for name in found[0]}
    assert max(often.values()) < 0.1, often


def test_answers_served_unjudged_are_stood_for_by_those_that_were_judged() -> None:
    n = 200_000
    level = RNG.random(n)
    truth = (RNG.random(n) < level).astype(float)
    asked = np.where(level > 0.5, 0.2, 1.0)  # the better it looks, the less it is judged
    seen = RNG.random(n) < asked
    weight = np.where(seen, (1 - asked) / asked, 0.0)
    estimate = filled(np.where(seen, truth, np.nan), weight, weight * truth).mean()
    assert abs(truth[seen].mean() - truth.mean()) > 0.05
    assert estimate == pytest.approx(truth.mean(), abs=0.01)


def test_a_few_judged_answers_that_stand_for_many_have_no_bounds() -> None:
    asked = np.random.default_rng(3).random(2000) < 0.02
    quality = np.where(asked, 1.0, np.nan)
    weight = np.where(asked, 49.0, 0.0)
    analysis = found(quality, stand_in_weight=weight, stand_in_sum=weight)
    assert analysis.treatments[0].primary.difference.low == -math.inf
    assert "judged often enough" in verdict(analysis).reason


def test_a_judge_that_knows_nothing_counts_for_nothing() -> None:
    judged, label = RNG.random(5000), np.where(RNG.random(5000) < 0.5, RNG.random(5000), np.nan)
    assert worth(judged, label) < 0.05


def test_labels_move_the_mean_by_what_the_judge_is_off() -> None:
    truth = RNG.random(4000)
    label = np.where(RNG.random(4000) < 0.1, truth, np.nan)
    sample = rectified(truth + 0.2, label, np.arange(4000), 4000)
    assert sample.value == pytest.approx(truth.mean(), abs=0.02)


def corrected(seed: int) -> Effect:
    """Return the change of quality where one arm fails more, judges are off by .15 and labels are of answers alone."""
    rng = np.random.default_rng(seed)
    n, arm = 8000, np.tile([0, 1], 4000)
    failed = (rng.random(n) < np.where(arm == 1, 0.12, 0.02)).astype(float)
    good = (rng.random(n) < 0.7) * (1 - failed)
    judged = np.clip(0.3 + 0.4 * good + rng.normal(0, 0.1, n) + 0.15, 0, 1) * (1 - failed)
    label = np.where((failed == 0) & (rng.random(n) < 0.1), good, np.nan)
    log = trial(arm, quality=judged, failed=failed, label=label)
    change = analyse(two_arms(labels=True), log).treatments[0].primary.difference
    return replace(change, value=change.value + 0.07)


def test_labels_of_answers_say_nothing_of_requests_that_failed() -> None:
    assert abs(np.mean([corrected(seed).value for seed in range(20)])) < 0.01


def test_the_error_of_what_labels_correct_is_that_of_repeated_draws() -> None:
    found = [corrected(seed) for seed in range(80)]
    assert np.mean([each.error for each in found]) == pytest.approx(np.std([each.value for each in found]), rel=0.2)


def test_labels_make_up_for_answers_that_were_judged_rarely_and_not_at_random() -> None:
    n, rng = 8000, np.random.default_rng(4)
    arm, level = rng.integers(0, 2, n), rng.random(n)
    truth = (rng.random(n) < level + 0.1 * arm * (1 - level)).astype(float)
    asked = rng.random(n) < np.where(level > 0.5, 0.02, 1.0)
    weight = np.where(asked & (level > 0.5), 49.0, 0.0)
    columns = {"quality": np.where(asked, truth, np.nan), "stand_in_weight": weight, "stand_in_sum": weight * truth}
    label = np.where(rng.random(n) < 0.2, truth, np.nan)
    alone = analyse(two_arms(), trial(arm, **columns)).treatments[0].primary.difference
    labelled = analyse(two_arms(labels=True), trial(arm, label=label, **columns)).treatments[0].primary.difference
    assert labelled.low < truth[arm == 1].mean() - truth[arm == 0].mean() < labelled.high
    assert labelled.high - labelled.low < 0.7 * (alone.high - alone.low)


def test_few_units_have_no_bounds() -> None:
    few = Mean(value=1.0, error=0.01, n=MIN_UNITS - 1)
    seen = difference(few, few, alpha=0.05, planned=1000)
    assert (seen.low, seen.high, seen.p) == (-math.inf, math.inf, 1.0)


def test_a_share_is_about_the_control() -> None:
    saved = ratio(Mean(value=0.6, error=0.01, n=500), Mean(value=1.0, error=0.01, n=500), alpha=0.05, planned=1000)
    assert saved.value == pytest.approx(-0.4)
    assert saved.low < -0.4 < saved.high < -0.3


def test_a_better_arm_is_shipped() -> None:
    assert verdict(found(good(gain=0.15))).word == "ship"


def test_a_worse_arm_is_stopped() -> None:
    assert verdict(found(good(gain=-0.15))).word == "stop"


def test_equal_arms_keep_running() -> None:
    said = verdict(found(good()))
    assert said.word == "keep running"
    assert "may be anything from" in said.reason


def test_a_better_arm_waits_for_its_guardrails() -> None:
    spec = two_arms(guardrails=(GuardrailSpec(metric="latency_s", relative=0.01),))
    log = trial(ARM, quality=good(gain=0.15), latency_s=RNG.exponential(size=2000))
    said = verdict(analyse(spec, log))
    assert said.word == "keep running"
    assert "latency_s" in said.reason


def test_a_better_arm_whose_guardrails_hold_is_shipped() -> None:
    spec = two_arms(guardrails=(GuardrailSpec(metric="cost_usd", relative=0.5),))
    log = trial(ARM, quality=good(gain=0.15), cost_usd=0.01 + 0.001 * RNG.random(2000))
    assert verdict(analyse(spec, log)).reason.endswith("every guardrail holds")


def test_a_broken_guardrail_stops_a_better_arm() -> None:
    spec = two_arms(guardrails=(GuardrailSpec(metric="cost_usd", relative=0.5),))
    log = trial(ARM, quality=good(gain=0.15), cost_usd=0.01 + 0.02 * ARM + 0.001 * RNG.random(2000))
    assert verdict(analyse(spec, log)).word == "stop"


def test_what_is_rolled_back_tells_how_often_that_is_said_of_a_guardrail_not_of_an_experiment() -> None:
    guards = tuple(GuardrailSpec(metric=metric, margin=0.0) for metric in ("quality", "reward", "cost_usd"))
    step = move(analyse(two_arms(guardrails=guards), trial(ARM, quality=good(gain=-0.2))), share=0.5, units_at_step=10)
    assert step is not None
    assert "of a guardrail just kept that is said in at most 10%" in step.reason


def test_a_guardrail_of_quality_is_broken_by_less_of_it() -> None:
    spec = two_arms(guardrails=(GuardrailSpec(metric="quality", margin=0.02),))
    step = move(analyse(spec, trial(ARM, quality=good(gain=-0.2))), share=0.5, units_at_step=10)
    assert step is not None
    assert (step.kind, step.share) == ("roll_back", 0.0)


def test_lopsided_arms_are_stopped_whatever_they_gain() -> None:
    arm = (np.arange(2000) % 10 < 6).astype(int)
    said = verdict(analyse(two_arms(), trial(arm, quality=(RNG.random(2000) < 0.5 + 0.3 * arm).astype(float))))
    assert said.word == "stop"
    assert "assignment" in said.reason


def test_the_ramp_goes_on_after_units_enough() -> None:
    spec = two_arms().model_copy(update={"ramp": (0.1, 0.5, 1.0), "ramp_units": 300})
    analysis = analyse(spec, trial(ARM, quality=good()))
    assert move(analysis, share=0.1, units_at_step=299) is None
    step = move(analysis, share=0.1, units_at_step=300)
    assert step is not None
    assert (step.kind, step.share) == ("ramp", 0.5)


def test_an_experiment_without_a_single_failure_has_not_shown_that_there_are_none() -> None:
    errors = next(each for each in found(good()).treatments[0].metrics if each.metric == "error_rate")
    assert errors.difference.high > 0.001


def test_a_category_that_goes_the_other_way_is_marked() -> None:
    category = np.where(np.arange(2000) // 2 % 4 == 0, "law", "math")
    gain = np.where(category == "law", -0.3, 0.1) * ARM
    quality = (RNG.random(2000) < 0.6 + gain).astype(float)
    marked = {each.name: each.differs for each in found(quality, category=category).treatments[0].categories}
    assert marked["law"]


def test_categories_alike_are_not_marked() -> None:
    category = np.array(["a", "b", "c", "d"])[np.arange(2000) // 2 % 4]
    assert not any(each.differs for each in found(good(), category=category).treatments[0].categories)


def test_an_effect_that_wears_off_is_seen() -> None:
    gain = np.where(np.arange(2000) < 1000, 0.4, -0.1) * ARM
    assert found((RNG.random(2000) < 0.5 + gain).astype(float)).treatments[0].drift.drifts


def test_an_effect_that_stays_does_not_drift() -> None:
    assert not found(good(gain=0.1)).treatments[0].drift.drifts


def test_false_discoveries_are_held_among_many_hypotheses() -> None:
    rejected = [any(benjamini_hochberg(RNG.random(20).tolist(), 0.05)) for _ in range(1000)]
    assert np.mean(rejected) < 0.08


def test_two_treatments_share_what_may_go_wrong() -> None:
    spec = two_arms()
    third = spec.arms[1].model_copy(update={"name": "third"})
    more = spec.model_copy(update={"arms": (*spec.arms, third)})
    arm = np.arange(3000) % 3
    quality = (RNG.random(3000) < 0.6).astype(float)
    wide = analyse(more, trial(arm, quality=quality)).treatments[0].primary.difference
    narrow = analyse(spec, trial(arm[arm < 2], quality=quality[arm < 2])).treatments[0].primary.difference
    assert wide.high - wide.low > narrow.high - narrow.low


def test_peeking_at_will_needs_more_units_than_one_look() -> None:
    wanted = need(0.05, 0.5)
    assert wanted.units_fixed == pytest.approx(4 * (1.96 + 0.8416) ** 2 * 100, rel=0.01)
    assert 1.3 < wanted.units / wanted.units_fixed < 2.5


def test_the_effect_that_units_show_is_the_one_that_needs_them() -> None:
    assert detectable(need(0.05, 0.5).units, 0.5) == pytest.approx(0.05, rel=0.01)
