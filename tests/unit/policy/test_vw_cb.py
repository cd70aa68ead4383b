"""The learned start: which decision an event teaches, and when the policy picks, stops or climbs."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bandit_router.policy.lesson import starting_step
from bandit_router.policy.spec import VwCbSpec
from bandit_router.policy.vw_cb import VwCb
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
    clipped = min(max(reward, 0.0), 1.0)
    assert state_after(event(step(FLEET, 0), reward=reward)) == state_after(event(step(FLEET, 0), reward=clipped))


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


def test_a_judged_answer_is_measured_by_the_thresholds() -> None:
    actions = (stop(), *FLEET[1:])
    vw = policy(thresholds=[0.6, 0.9])
    assert vw.pmf(state(judged("m0", quality=0.6)), actions).probs == (1.0, 0.0, 0.0)
    assert vw.pmf(state(judged("m0", quality=0.5)), actions).probs == (0.0, 1.0, 0.0)


def test_after_a_failed_call_it_picks_again_among_the_untried() -> None:
    pmf = policy().pmf(state(judged("m0", status="rate_limit")), FLEET[1:])
    assert pmf.probs == pytest.approx((0.5, 0.5))


def test_after_a_failed_climb_the_answer_at_hand_is_served() -> None:
    history = (judged("m0", quality=0.1), judged("m2", tier=2, status="error"))
    assert policy().pmf(state(*history), (stop(), FLEET[1])).probs == (1.0, 0.0)


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
