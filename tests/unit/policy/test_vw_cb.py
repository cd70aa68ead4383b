"""The learned start and climb: which decision an event teaches, and when the policy picks, stops or climbs."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bandit_router.policy.lesson import starting_step
from bandit_router.policy.spec import VwCbSpec
from bandit_router.policy.vw_cb import VwCb
from bandit_router.reward.utility import reward
from bandit_router.types import Action, Event
from tests.unit.policy.factories import context, event, fleet, judged, reward_of, state, step, stop

FLEET = fleet(3, per_tier=1)


def policy(**keys: object) -> VwCb:
    spec = VwCbSpec.model_validate({"kind": "vw_cb", "name": "vw", **keys})
    return VwCb(spec, version=None, reward=reward_of, learns=lambda _: True)


def state_after(*events: Event) -> bytes:
    learner = policy()
    learner.learn(events)
    return learner.dump()


def rewarded(reward: float, *events: Event) -> bytes:
    """Return the state after events that each had the same reward."""
    spec = VwCbSpec(kind="vw_cb", name="vw")
    learner = VwCb(spec, version=None, reward=lambda _: reward, learns=lambda _: True)
    learner.learn(events)
    return learner.dump()


def cascade(first: float, second: float | None) -> Event:
    """Return a decision that started with m0 and went on to m1, or stopped when there is no second quality."""
    then = step((stop(), *FLEET[1:]), 0 if second is None else 1)
    tried = [judged("m0", quality=first), *([] if second is None else [judged("m1", tier=1, quality=second)])]
    made = event(step(FLEET, 0), then, history=tried, reward=None)
    best = 0 if second is None or first > second else 1
    return replace(made, outcome=replace(made.outcome, served=best))


def climber() -> VwCb:
    """Return a policy taught that m1 gives good answers after bad ones of m0, and adds nothing to good ones."""
    learner = VwCb(VwCbSpec(kind="vw_cb", name="vw"), version=None, reward=utility_of, learns=lambda _: True)
    learner.learn([cascade(q, second) for q in (0.1, 0.9) for second in (None, 0.9)] * 200)
    return learner


def utility_of(event: Event) -> float | None:
    quality = event.outcome.quality
    return None if quality is None else quality - event.outcome.cost_usd / event.decision.value_usd


def test_a_bad_answer_is_climbed_from_and_a_good_one_served() -> None:
    learner, actions = climber(), (stop(), FLEET[1])
    assert learner.pmf(state(judged("m0", quality=0.1)), actions).probs[1] > 0.95
    assert learner.pmf(state(judged("m0", quality=0.9)), actions).probs[0] > 0.5


def test_the_reward_to_go_leaves_out_what_was_spent_before() -> None:
    learner, actions = climber(), (stop(), FLEET[1])
    predicted = learner.pmf(state(judged("m0", quality=0.1)), actions).predicted
    assert predicted == pytest.approx((0.1, 0.9 - 0.0001 / 0.01), abs=0.05)


def in_a_hurry(made: Event, *waits: float) -> Event:
    """Return an event of a request for which a second costs a hundredth of a good answer, with its calls' seconds."""
    history = tuple(
        replace(one, attempt=replace(one.attempt, latency_s=wait))
        for one, wait in zip(made.outcome.history, waits, strict=True)
    )
    outcome = replace(made.outcome, history=history, latency_s=sum(waits))
    return replace(made, decision=replace(made.decision, value_s=100.0), outcome=outcome, feedback=None)


def test_where_time_has_a_price_the_faster_of_two_equal_models_is_learned() -> None:
    learner = VwCb(VwCbSpec(kind="vw_cb", name="vw"), version=None, reward=reward, learns=lambda _: True)
    equal = (FLEET[0], replace(FLEET[0], model="m1"))
    tried = [(0, "m0", 50.0), (1, "m1", 1.0)]
    lessons = [in_a_hurry(event(step(equal, i), history=[judged(m, quality=0.9)]), wait) for i, m, wait in tried]
    learner.learn(lessons * 200)
    predicted = learner.pmf(replace(state(), value_s=100.0), equal).predicted
    assert predicted == pytest.approx((0.39, 0.88), abs=0.05)


def test_the_reward_to_go_leaves_out_the_time_spent_before() -> None:
    learner = VwCb(VwCbSpec(kind="vw_cb", name="vw"), version=None, reward=reward, learns=lambda _: True)
    lessons = [in_a_hurry(cascade(0.1, second), *waits) for second, waits in ((None, (30.0,)), (0.9, (30.0, 10.0)))]
    learner.learn(lessons * 400)
    at = replace(state(judged("m0", quality=0.1)), value_s=100.0)
    assert learner.pmf(at, (stop(), FLEET[1])).predicted == pytest.approx((0.1, 0.8 - 0.0001 / 0.01), abs=0.05)


def test_an_answer_that_was_not_judged_is_not_taken_for_a_bad_one() -> None:
    learner, actions = climber(), (stop(), FLEET[1])
    bad = learner.pmf(state(judged("m0", quality=0.0)), actions).predicted[0]
    unknown = learner.pmf(state(judged("m0", quality=None)), actions).predicted[0]
    assert bad is not None
    assert unknown is not None
    assert unknown > bad + 0.1


def test_a_climb_that_a_perfect_answer_would_not_pay_for_is_not_made() -> None:
    dear = Action(model="m1", tier=1, cost_usd=0.0095)
    probs = policy().pmf(state(judged("m0", quality=0.1)), (stop(), dear, FLEET[2])).probs
    assert probs == pytest.approx((0.5, 0.0, 0.5))


def test_without_a_stop_every_model_may_be_next() -> None:
    dear = Action(model="m1", tier=1, cost_usd=0.0095)
    assert policy().pmf(state(judged("m0", quality=0.1)), (dear, FLEET[2])).probs == pytest.approx((0.5, 0.5))


def test_feedback_corrects_what_later_verdicts_count_for() -> None:
    learner = VwCb(VwCbSpec(kind="vw_cb", name="vw"), version=None, reward=utility_or_said, learns=lambda _: True)
    said = [replace(cascade(0.8, None), feedback=0.1)] * 40
    learner.learn([*said, *[cascade(0.8, None)] * 200])
    assert learner.pmf(state(ctx=context()), FLEET).predicted[0] == pytest.approx(0.1, abs=0.1)


def utility_or_said(event: Event) -> float | None:
    return event.feedback if event.feedback is not None else utility_of(event)


def test_the_start_is_taught_by_the_step_that_led_to_the_first_answer() -> None:
    first, second = step(FLEET, 0), step(FLEET[1:], 1)
    failed_first = event(first, second, history=[judged("m0", status="timeout"), judged("m2", tier=2)])
    assert starting_step(failed_first) is second


def test_a_climb_does_not_change_which_step_is_taught() -> None:
    first, climb = step(FLEET, 0), step((stop(), *FLEET[1:]), 1)
    assert starting_step(event(first, climb, history=[judged("m0"), judged("m1", tier=1)])) is first


def test_the_final_stop_is_no_start() -> None:
    first, last = step(FLEET, 0), step((stop(), *FLEET[1:]), 0)
    assert starting_step(event(first, last, history=[judged("m0")])) is first


def test_when_every_model_failed_the_first_step_is_taught() -> None:
    first, second = step(FLEET, 0), step(FLEET[1:], 0)
    failures = [judged("m0", status="error"), judged("m1", status="error")]
    assert starting_step(event(first, second, history=failures)) is first


@pytest.mark.parametrize("probs", [(0.0, 0.5, 0.5), (math.nan, 0.5, 0.5), (1.5, 0.5, 0.5)])
def test_a_step_with_an_impossible_propensity_teaches_nothing(probs: tuple[float, ...]) -> None:
    assert starting_step(event(step(FLEET, 0, probs=probs))) is None


@pytest.mark.parametrize("reward", [None, math.nan])
def test_an_event_without_a_reward_is_left_out(reward: float | None) -> None:
    assert state_after(event(step(FLEET, 0), reward=reward)) == state_after()


@pytest.mark.parametrize("reward", [-5.0, 5.0])
def test_a_reward_beyond_its_range_is_clipped(reward: float) -> None:
    unsaid = event(step(FLEET, 0), reward=None)
    assert rewarded(reward, unsaid) == rewarded(min(max(reward, 0.0), 1.0), unsaid)


def test_feedback_is_learned_as_one_more_outcome() -> None:
    finished = event(step(FLEET, 0), reward=0.9)
    corrected = replace(finished, kind="feedback", feedback=0.0)
    learner, at = policy(), state(ctx=finished.decision.context)
    learner.learn([finished] * 20)
    before = learner.pmf(at, FLEET).predicted[0]
    learner.learn([corrected] * 20)
    after = learner.pmf(at, FLEET).predicted[0]
    assert before is not None
    assert after is not None
    assert after < before


@pytest.mark.parametrize("chosen", [0, 2])
def test_learning_is_a_regression_that_weighs_every_event_alike(chosen: int) -> None:
    probs = [0.495, 0.495, 0.495]
    probs[chosen] = 0.01
    before = event(step(FLEET, chosen), reward=0.9)
    usual, rare = event(step(FLEET, chosen), reward=0.2), event(step(FLEET, chosen, probs=probs), reward=0.2)
    assert state_after(before, usual) == state_after(before, rare)


def test_predictions_approach_the_rewards_seen() -> None:
    learner, at = policy(), context()
    rewards = (0.2, 0.9, 0.5)
    learner.learn([event(step(FLEET, n % 3), reward=rewards[n % 3], ctx=at) for n in range(600)])
    assert learner.pmf(state(ctx=at), FLEET).predicted == pytest.approx(rewards, abs=0.05)


def test_told_so_a_judged_answer_is_measured_by_the_thresholds() -> None:
    actions = (stop(), *FLEET[1:])
    vw = policy(climb="thresholds", thresholds=[0.6, 0.9])
    assert vw.pmf(state(judged("m0", quality=0.6)), actions).probs == (1.0, 0.0, 0.0)
    assert vw.pmf(state(judged("m0", quality=0.5)), actions).probs == (0.0, 1.0, 0.0)


def test_after_a_failed_call_it_picks_again_among_the_untried() -> None:
    pmf = policy().pmf(state(judged("m0", status="rate_limit")), FLEET[1:])
    assert pmf.probs == pytest.approx((0.5, 0.5))


def test_told_so_after_a_failed_climb_the_answer_at_hand_is_served() -> None:
    history = (judged("m0", quality=0.1), judged("m2", tier=2, status="error"))
    assert policy(climb="thresholds").pmf(state(*history), (stop(), FLEET[1])).probs == (1.0, 0.0)


def test_the_floor_is_for_the_start_only() -> None:
    learner = policy(min_exploration=0.2)
    learner.learn([event(step(FLEET, n % 3), reward=float(n % 3 == 0)) for n in range(600)])
    assert min(learner.pmf(state(), FLEET).probs) >= 0.2 / 3
    assert min(learner.pmf(state(judged("m9", status="error")), FLEET).probs) < 0.2 / 3


def test_a_broken_embedding_does_not_poison_what_is_learned() -> None:
    broken = replace(context(), embedding=np.full(8, np.nan, dtype=np.float32), surface={"length": math.inf})
    learner = policy()
    learner.learn([event(step(FLEET, 0), reward=0.5, ctx=broken)] * 5)
    assert all(math.isfinite(prob) for prob in learner.pmf(state(), FLEET).probs)


def test_a_model_named_like_vw_syntax_is_only_a_name() -> None:
    odd = (Action(model="a|b:2 c\nd", tier=0, cost_usd=0.001), Action(model="", tier=0, cost_usd=0.001))
    learner = policy()
    learner.learn([event(step(odd, n % 2), reward=float(n % 2)) for n in range(200)])
    assert learner.pmf(state(), odd).probs[1] > 0.9
