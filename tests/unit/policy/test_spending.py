"""Expected costs follow what calls really cost."""

import pytest

from bandit_router.policy.spending import Spending
from bandit_router.types import Action
from tests.unit.policy.factories import context, event, fleet, judged, step

FLEET = fleet(2)


def taught(*paid: float, category: str = "code", kind: str = "finished") -> Spending:
    spending = Spending()
    for cost in paid:
        history = [judged("m0", cost_usd=cost)]
        spending.learn(event(step(FLEET, 0), history=history, ctx=context(category), kind=kind))
    return spending


def test_a_price_stands_until_calls_say_otherwise() -> None:
    assert Spending().cost_usd("code", FLEET[0]) == FLEET[0].cost_usd


def test_the_expected_cost_approaches_what_was_paid() -> None:
    assert taught(*[0.0003] * 500).cost_usd("code", FLEET[0]) == pytest.approx(0.0003, rel=0.02)


def test_a_category_not_seen_leans_on_the_model() -> None:
    assert taught(*[0.0003] * 500).cost_usd("chat", FLEET[0]) == pytest.approx(0.0003, rel=0.05)


def test_another_price_is_followed_at_once() -> None:
    cheaper = Action(model="m0", tier=0, cost_usd=FLEET[0].cost_usd / 10)
    assert taught(*[0.0003] * 500).cost_usd("code", cheaper) == pytest.approx(0.00003, rel=0.05)


def test_feedback_is_no_second_bill() -> None:
    assert taught(*[0.0003] * 5, kind="feedback").dump() == Spending().dump()


def test_what_costs_nothing_is_expected_to_cost_nothing() -> None:
    assert taught(0.0).cost_usd("code", Action(model="m0", tier=0, cost_usd=0.0)) == 0.0
