"""The start by category: from a table, or fitted; whatever is not known is the fallback's."""

from dataclasses import replace

import pytest

from bandit_router.policy.spec import StaticSpec, TaxonomySpec
from bandit_router.policy.static import Static
from bandit_router.policy.taxonomy import FittedTaxonomy, Taxonomy
from bandit_router.types import Action, Event
from tests.unit.policy.factories import context, event, fleet, judged, state, step, stop

FLEET = fleet(6)
FALLBACK = Static(StaticSpec(kind="static", name="fallback", model="m5"))


def by_table(**keys: object) -> Taxonomy:
    table = {"code": "m3", "chat": "tier-1"}
    given = {"kind": "taxonomy", "name": "t", "fallback": "fallback", "table": table, "min_exploration": 0, **keys}
    return Taxonomy(TaxonomySpec.model_validate(given), FALLBACK)


def fitted(**keys: object) -> FittedTaxonomy:
    given = {"kind": "taxonomy", "name": "t", "fallback": "fallback", "fit": True, "min_exploration": 0, **keys}
    return FittedTaxonomy(TaxonomySpec.model_validate(given), FALLBACK, version=None, learns=lambda _: True)


def seen(model: int, quality: float, *, cost_usd: float | None = None, category: str = "code") -> Event:
    paid = FLEET[model].cost_usd if cost_usd is None else cost_usd
    history = [judged(f"m{model}", quality=quality, cost_usd=paid)]
    return event(step(FLEET, model), history=history, reward=None, ctx=context(category))


def start(
    policy: Taxonomy, category: str = "code", *, confidence: float = 0.8, actions: tuple[Action, ...] = FLEET
) -> str:
    pmf = policy.pmf(state(ctx=replace(context(category), confidence=confidence)), actions)
    return actions[pmf.probs.index(1.0)].model


def test_the_table_names_a_model() -> None:
    assert start(by_table()) == "m3"


def test_the_table_names_a_tier_whose_cheapest_model_is_taken() -> None:
    assert start(by_table(), "chat") == "m2"


def test_a_category_not_in_the_table_is_the_fallbacks() -> None:
    assert start(by_table(), "law") == "m5"


@pytest.mark.parametrize(("confidence", "model"), [(0.59, "m5"), (0.6, "m3")])
def test_a_category_not_surely_known_is_the_fallbacks(confidence: float, model: str) -> None:
    assert start(by_table(min_confidence=0.6), confidence=confidence) == model


def test_a_model_not_at_hand_leaves_the_start_to_the_fallback() -> None:
    assert start(by_table(), actions=(*FLEET[:3], *FLEET[4:])) == "m5"


def test_the_fallback_decides_what_follows_its_start_too() -> None:
    at = state(judged("m0", quality=0.0), ctx=context("law"))
    assert by_table().pmf(at, (stop(), *FLEET[1:])).probs[0] == 1.0


def test_after_the_start_the_thresholds_decide() -> None:
    actions = (stop(), *FLEET[1:])
    policy = by_table(thresholds=0.6)
    assert policy.pmf(state(judged("m0", quality=0.6)), actions).probs[0] == 1.0
    assert policy.pmf(state(judged("m0", quality=0.5)), actions).probs[2] == 1.0


def test_the_floor_spreads_starts_of_the_fallback_too() -> None:
    for category in ("code", "law"):
        assert min(by_table(min_exploration=0.12).pmf(state(ctx=context(category)), FLEET).probs) >= 0.02


def test_a_category_is_known_after_enough_answers() -> None:
    policy = fitted(min_answers=3)
    policy.learn([seen(0, 1.0)] * 2)
    before = start(policy)
    policy.learn([seen(0, 1.0)])
    assert (before, start(policy), start(policy, "chat")) == ("m5", "m0", "m5")


def test_the_fitted_start_is_the_best_quality_less_its_cost() -> None:
    policy = fitted(min_answers=1, shrinkage=0.1)
    policy.learn([seen(0, 0.5), seen(1, 0.8), seen(4, 0.82)] * 100)
    assert start(policy) == "m1"


def test_the_cost_weighed_is_the_one_paid() -> None:
    policy = fitted(min_answers=1, shrinkage=0.1)
    policy.learn([seen(0, 0.5), seen(1, 0.8, cost_usd=0.005), seen(4, 0.82)] * 100)
    assert start(policy) == "m4"


def test_feedback_counts_as_one_answer_more() -> None:
    policy = fitted(min_answers=1, shrinkage=0.1)
    policy.learn([seen(0, 0.9), seen(1, 0.5)] * 10)
    before = start(policy)
    policy.learn([replace(seen(0, 0.9), kind="feedback", feedback=0.0)] * 30)
    assert (before, start(policy)) == ("m0", "m1")


def test_a_failed_start_is_followed_by_the_next_best() -> None:
    policy = fitted(min_answers=1, shrinkage=0.1)
    policy.learn([seen(0, 0.9), seen(3, 0.8), seen(1, 0.2), seen(5, 0.2)] * 50)
    assert policy.pmf(state(judged("m0", status="error")), FLEET[1:]).probs[2] == 1.0
