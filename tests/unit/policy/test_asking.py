"""Judges are asked where their verdict could change something; elsewhere at the floor, which is logged."""

from dataclasses import replace

from bandit_router.policy.fixed_cascade import FixedCascade
from bandit_router.policy.learned import Learned
from bandit_router.policy.spec import FixedCascadeSpec, LearnedSpec, StaticSpec, TaxonomySpec, VwCbSpec
from bandit_router.policy.static import Static
from bandit_router.policy.taxonomy import FittedTaxonomy, Taxonomy
from bandit_router.policy.vw_cb import VwCb
from bandit_router.types import Action, Pmf, State
from tests.unit.policy.factories import context, event, fleet, judged, reward_of, state, step, stop

FLEET = fleet(3, per_tier=1)
STATIC = Static(StaticSpec(kind="static", name="s", model="m1"))


def cascade(**keys: object) -> FixedCascade:
    return FixedCascade(FixedCascadeSpec.model_validate({"kind": "fixed_cascade", "name": "f", **keys}))


def chances(pmf: Pmf, actions: tuple[Action, ...]) -> list[float]:
    return list(pmf.judge or (1.0,) * len(actions))


def test_a_policy_that_serves_the_first_answer_has_it_judged_at_the_floor_alone() -> None:
    assert STATIC.pmf(state(), FLEET).judge == (0.05,) * 3


def test_a_cascade_has_judged_what_it_could_climb_from() -> None:
    assert chances(cascade().pmf(state(), FLEET), FLEET) == [1.0, 1.0, 0.05]


def test_an_answer_beside_another_is_judged_to_choose_between_them() -> None:
    left = (stop(), FLEET[2])
    assert chances(cascade().pmf(state(judged("m0", quality=0.1)), left), left) == [1.0, 1.0]


def test_where_every_answer_is_good_enough_none_needs_a_verdict() -> None:
    assert cascade(thresholds=0.0, min_judging=0.3).pmf(state(), FLEET).judge == (0.3,) * 3


def test_with_one_answer_allowed_none_needs_a_verdict() -> None:
    once = replace(state(), max_attempts=1)
    assert cascade().pmf(once, FLEET).judge == (0.05,) * 3


def test_a_climb_that_no_answer_would_pay_for_needs_no_verdict() -> None:
    table = Taxonomy(
        TaxonomySpec.model_validate({"kind": "taxonomy", "name": "t", "fallback": "s", "table": {"code": "m0"}}), STATIC
    )
    poor = State(context=context(), value_usd=0.0001)
    assert (chances(table.pmf(state(), FLEET), FLEET), table.pmf(poor, FLEET).judge) == ([1.0, 1.0, 0.05], (0.05,) * 3)


def test_a_bandit_that_may_go_on_to_any_model_has_every_answer_judged() -> None:
    learns = VwCb(VwCbSpec(kind="vw_cb", name="v"), version=None, reward=reward_of, learns=lambda _: True)
    assert learns.pmf(state(), FLEET).judge == ()
    assert learns.pmf(state(), FLEET[:1]).judge == (0.05,)


def test_a_learned_router_has_all_answers_judged_until_it_can_choose() -> None:
    spec = LearnedSpec(kind="learned", name="l", warm_up=1)
    router = Learned(spec, version=None, learns=lambda _: True)
    before = router.pmf(state(), FLEET).judge
    router.learn([event(step(FLEET, 0), history=[judged(quality=0.5)], reward=None)])
    assert (before, router.pmf(state(), FLEET).judge) == ((), (0.05,) * 3)


def test_an_answer_judged_one_time_in_four_counts_for_four() -> None:
    given = {"kind": "taxonomy", "name": "t", "fallback": "s", "fit": True, "min_answers": 4}
    fitted = FittedTaxonomy(TaxonomySpec.model_validate(given), STATIC, version=None, learns=lambda _: True)
    first = step(FLEET, 0)
    rarely = replace(first, pmf=replace(first.pmf, judge=(0.25,) * 3))
    fitted.learn([event(rarely, history=[judged(quality=0.9)], reward=None)])
    assert fitted.knows(context())
