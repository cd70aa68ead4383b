"""Static and threshold policies: where they start, when they stop, and where they go after a failure."""

import pytest

from bandit_router.policy.climb import worth_it
from bandit_router.policy.fixed_cascade import FixedCascade
from bandit_router.policy.spec import FixedCascadeSpec, StaticSpec
from bandit_router.policy.static import Static
from bandit_router.protocols import Policy
from bandit_router.types import Action, State
from tests.unit.policy.factories import fleet, judged, state, stop

FLEET = fleet(6)


def cascade(start: int = 0, thresholds: object = 0.7) -> FixedCascade:
    spec = {"kind": "fixed_cascade", "name": "c", "start": start, "thresholds": thresholds}
    return FixedCascade(FixedCascadeSpec.model_validate(spec))


def static(model: str, tier: int | None = None) -> Static:
    return Static(StaticSpec(kind="static", name="s", model=model, tier=tier))


def choice(policy: Policy, at: State, actions: tuple[Action, ...]) -> str:
    pmf = policy.pmf(at, actions)
    assert sorted(pmf.probs) == [0.0] * (len(actions) - 1) + [1.0]
    return actions[pmf.probs.index(1.0)].model


@pytest.mark.parametrize(
    ("start", "actions", "expected"),
    [(0, FLEET, "m0"), (1, FLEET, "m2"), (1, FLEET[:2] + FLEET[4:], "m4"), (9, FLEET, "m4")],
    ids=["its tier", "a higher start", "its tier is empty: the next higher", "nothing so high: the highest"],
)
def test_a_cascade_starts_at_its_tiers_cheapest_model(start: int, actions: tuple[Action, ...], expected: str) -> None:
    assert choice(cascade(start), state(), actions) == expected


@pytest.mark.parametrize(("quality", "expected"), [(0.69, "m2"), (0.7, "stop"), (None, "stop")])
def test_a_cascade_climbs_only_on_evidence_of_a_poor_answer(quality: float | None, expected: str) -> None:
    assert choice(cascade(), state(judged(quality=quality)), (stop(), *FLEET[1:])) == expected


def test_each_tier_has_its_own_threshold() -> None:
    policy = cascade(thresholds={"default": 0.5, "0": 0.9})
    assert choice(policy, state(judged("m0", tier=0, quality=0.8)), (stop(), *FLEET[1:])) == "m2"
    assert choice(policy, state(judged("m2", tier=1, quality=0.8)), (stop(), *FLEET[3:])) == "stop"


def test_a_cascade_stops_at_the_top() -> None:
    assert choice(cascade(), state(judged("m4", tier=2, quality=0.0)), (stop(), *FLEET[:4])) == "stop"


def test_a_good_answer_still_climbs_while_stop_is_not_offered() -> None:
    assert choice(cascade(), state(judged(quality=0.9)), FLEET[1:]) == "m2"


def test_a_model_beats_none_when_stop_is_not_offered_at_the_top() -> None:
    assert choice(cascade(), state(judged("m4", tier=2, quality=0.9)), FLEET[:4]) == "m2"


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ((FLEET[1], FLEET[4], FLEET[5]), "m1"),
        ((FLEET[3], FLEET[4], FLEET[5]), "m3"),
        ((FLEET[0], FLEET[4], FLEET[5]), "m4"),
        ((FLEET[0], FLEET[1]), "m0"),
    ],
    ids=["lower only with none beside or above", "same tier", "next higher", "nearest lower"],
)
def test_a_failed_call_is_replaced_nearby(left: tuple[Action, ...], expected: str) -> None:
    failed = judged("m2", tier=1, status="timeout") if expected != "m1" else judged("m0", tier=0, status="timeout")
    assert choice(cascade(), state(failed), left) == expected


def test_a_failed_climb_serves_what_is_at_hand_rather_than_going_down() -> None:
    history = (judged("m0", quality=0.1), judged("m4", tier=2, status="error"))
    assert choice(cascade(), state(*history), (stop(), *FLEET[1:4])) == "stop"


def test_a_static_policy_takes_its_model_and_stops_however_poor_the_answer() -> None:
    assert choice(static("m3"), state(), FLEET) == "m3"
    assert choice(static("m3"), state(judged("m3", tier=1, quality=0.0)), (stop(), *FLEET[:3])) == "stop"


@pytest.mark.parametrize(("model", "first", "second"), [("@cheapest", "m0", "m1"), ("@dearest", "m5", "m4")])
def test_a_static_policy_can_go_by_price(model: str, first: str, second: str) -> None:
    left = tuple(action for action in FLEET if action.model != first)
    assert choice(static(model), state(), FLEET) == first
    assert choice(static(model), state(judged(first, status="error")), left) == second


@pytest.mark.parametrize(
    ("tier", "left", "expected"),
    [(1, FLEET[:3] + FLEET[4:], "m2"), (1, FLEET[:2] + FLEET[4:], "m4"), (1, FLEET[:2], "m0"), (None, FLEET[:3], "m2")],
    ids=["its tier", "the next higher", "the nearest lower", "no tier given: the highest"],
)
def test_a_static_policy_replaces_a_model_that_is_not_eligible(
    tier: int | None, left: tuple[Action, ...], expected: str
) -> None:
    assert choice(static("m3", tier), state(), left) == expected


def test_a_static_policy_replaces_a_failed_model_from_the_tier_it_was_tried_at() -> None:
    failed = state(judged("m3", tier=1, status="refused"))
    assert choice(static("m3"), failed, (*FLEET[:3], *FLEET[4:])) == "m2"


def test_a_static_policy_may_explore_at_the_start_only() -> None:
    policy = Static(StaticSpec(kind="static", name="s", model="m0", min_exploration=0.2))
    assert policy.pmf(state(), FLEET[:4]).probs == pytest.approx((0.85, 0.05, 0.05, 0.05))
    assert policy.pmf(state(judged(status="error")), FLEET[1:3]).probs == (1.0, 0.0)


@pytest.mark.parametrize(
    ("quality", "price", "expected"),
    [(0.4, 0.0059, "dear"), (0.4, 0.0061, "stop"), (None, 0.009, "dear"), (None, 0.011, "stop")],
)
def test_a_climb_that_even_a_perfect_answer_would_not_pay_for_is_not_worth_it(
    quality: float | None, price: float, expected: str
) -> None:
    actions = (stop(), Action(model="dear", tier=1, cost_usd=price))
    assert actions[worth_it(state(judged(quality=quality)), actions, 1)].model == expected


def test_where_stop_is_not_offered_a_climb_is_made_whatever_it_costs() -> None:
    assert worth_it(state(judged(quality=0.9)), (Action(model="dear", tier=1, cost_usd=9.0),), 0) == 0
