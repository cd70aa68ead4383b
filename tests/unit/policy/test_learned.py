"""The learned router: even until it has learned, then greedy; one answer and no more unless told."""

import pytest

from bandit_router.policy.learned import Learned
from bandit_router.policy.spec import LearnedSpec
from bandit_router.types import Event
from tests.unit.policy.factories import context, event, fleet, judged, state, step, stop

FLEET = fleet(3, per_tier=1)


def policy(**keys: object) -> Learned:
    spec = LearnedSpec.model_validate({"kind": "learned", "name": "l", "warm_up": 3, "min_exploration": 0, **keys})
    return Learned(spec, version=None, learns=lambda _: True)


def seen(*qualities: float | None, reward: float | None = None) -> Event:
    """Return a cascade over m0, m1, ... with the verdict each of them got; the first is served."""
    steps = [step(FLEET, place) for place in range(len(qualities))]
    history = [judged(f"m{place}", tier=place, quality=quality) for place, quality in enumerate(qualities)]
    return event(*steps, history=history, reward=reward)


def test_starts_are_even_until_enough_was_learned() -> None:
    learner = policy(warm_up=5)
    learner.learn([seen(0.1, 0.9)] * 2)
    before = learner.pmf(state(), FLEET).probs
    learner.learn([seen(0.1)])
    assert before == pytest.approx((1 / 3,) * 3)
    assert max(learner.pmf(state(), FLEET).probs) == 1.0


def test_every_judged_answer_of_a_cascade_is_learned_not_only_the_one_served() -> None:
    learner = policy()
    learner.learn([seen(0.1, 0.9, 0.4)] * 100)
    assert learner.pmf(state(), FLEET).predicted == pytest.approx((0.09, 0.88, 0.37), abs=0.1)


def test_the_best_buy_is_taken() -> None:
    learner = policy()
    learner.learn([seen(0.1, 0.9, 0.4)] * 100)
    assert learner.pmf(state(), FLEET).probs == (0.0, 1.0, 0.0)


def test_what_the_client_says_goes_before_the_verdict() -> None:
    learner = policy()
    learner.learn([seen(0.1, 0.5, reward=1.0)] * 100)
    assert learner.pmf(state(), FLEET).probs[0] == 1.0


def test_what_was_not_judged_teaches_no_quality() -> None:
    learner = policy()
    learner.learn([seen(None)] * 100)
    assert learner.pmf(state(), FLEET).probs == pytest.approx((1 / 3,) * 3)


def test_the_first_answer_is_served_however_bad() -> None:
    assert policy().pmf(state(judged(quality=0.0)), (stop(), *FLEET[1:])).probs == (1.0, 0.0, 0.0)


def test_told_to_climb_it_follows_the_thresholds() -> None:
    learner = policy(climb=True, thresholds=0.6)
    assert learner.pmf(state(judged(quality=0.5)), (stop(), *FLEET[1:])).probs == (0.0, 1.0, 0.0)
    assert learner.pmf(state(judged(quality=0.6)), (stop(), *FLEET[1:])).probs == (1.0, 0.0, 0.0)


def test_where_stopping_is_not_offered_the_best_buy_of_the_rest_is_next() -> None:
    learner = policy()
    learner.learn([seen(0.9, 0.1, 0.8)] * 100)
    assert learner.pmf(state(judged(quality=0.1)), FLEET[1:]).probs == (0.0, 1.0)


def test_categories_are_told_apart() -> None:
    learner = policy()
    code, chat = context("code"), context("chat")
    for _ in range(150):
        learner.learn([event(step(FLEET, 0), history=[judged("m0", quality=0.9)], reward=None, ctx=chat)])
        learner.learn([event(step(FLEET, 0), history=[judged("m0", quality=0.1)], reward=None, ctx=code)])
        learner.learn([event(step(FLEET, 2), history=[judged("m2", quality=0.6)], reward=None, ctx=code)])
        learner.learn([event(step(FLEET, 2), history=[judged("m2", quality=0.6)], reward=None, ctx=chat)])
    assert learner.pmf(state(ctx=code), FLEET).probs[2] == 1.0
    assert learner.pmf(state(ctx=chat), FLEET).probs[0] == 1.0
