"""The fused router asks the part that is sure, then climbs by its own thresholds."""

from dataclasses import replace

import pytest

from bandit_router.policy.emafusion import Emafusion
from bandit_router.policy.spec import EmafusionSpec, StaticSpec, TaxonomySpec
from bandit_router.policy.static import Static
from bandit_router.policy.taxonomy import Taxonomy
from tests.unit.policy.factories import context, fleet, judged, state, stop

FLEET = fleet(3, per_tier=1)
UNUSED = Static(StaticSpec(kind="static", name="unused", model="m0"))
LEARNED = Static(StaticSpec(kind="static", name="learned", model="m2"))


def policy(**keys: object) -> Emafusion:
    table = {
        "kind": "taxonomy",
        "name": "taxonomy",
        "fallback": "unused",
        "table": {"code": "m1"},
        "min_exploration": 0,
    }
    spec = {"kind": "emafusion", "name": "e", "taxonomy": "taxonomy", "learned": "learned", **keys}
    return Emafusion(EmafusionSpec.model_validate(spec), Taxonomy(TaxonomySpec.model_validate(table), UNUSED), LEARNED)


def test_the_taxonomy_starts_where_it_is_sure() -> None:
    assert policy().pmf(state(ctx=context("code")), FLEET).probs == (0.0, 1.0, 0.0)


def test_the_learned_router_starts_where_the_category_is_unknown() -> None:
    assert policy().pmf(state(ctx=context("law")), FLEET).probs == (0.0, 0.0, 1.0)


def test_the_learned_router_starts_where_the_category_is_unsure() -> None:
    unsure = replace(context("code"), confidence=0.1)
    assert policy().pmf(state(ctx=unsure), FLEET).probs == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("category", ["code", "law"])
def test_both_starts_are_followed_by_the_threshold_cascade(category: str) -> None:
    fused, actions = policy(thresholds=[0.6, 0.9]), (stop(), *FLEET[1:])
    for quality, probs in ((0.5, (0.0, 1.0, 0.0)), (0.6, (1.0, 0.0, 0.0))):
        assert fused.pmf(state(judged(quality=quality), ctx=context(category)), actions).probs == probs


def test_the_floor_comes_on_top() -> None:
    assert policy(min_exploration=0.15).pmf(state(), FLEET).probs == pytest.approx((0.05, 0.9, 0.05))


def test_the_version_is_that_of_both_parts() -> None:
    assert policy().version == "taxonomy@0+learned@0"
