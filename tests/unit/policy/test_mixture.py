"""A mixture's pmf is the marginal over its components, given what was drawn so far."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bandit_router.policy.mixture import Mixture
from bandit_router.policy.spec import ComponentSpec, MixtureSpec
from bandit_router.protocols import Policy
from bandit_router.types import Action, Pmf, State
from tests.unit.policy.factories import fleet, judged, state, step, stop

TWO = fleet(2)


class Fixed:
    """Gives the same probabilities at each step, one row a step."""

    def __init__(
        self, name: str, *rows: tuple[float, ...], version: str = "0", predicted: Sequence[float] = (), **more: Any
    ) -> None:
        self.name, self.version, self.rows, self.predicted, self.more = name, version, rows, tuple(predicted), more

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        return Pmf(probs=self.rows[len(state.history)], predicted=self.predicted, **self.more)


def mixture(*parts: tuple[Policy, float], floor: float = 0.0, name: str = "mix") -> Mixture:
    components = tuple(ComponentSpec(policy=part.name, weight=weight) for part, weight in parts)
    spec = MixtureSpec(kind="mixture", name=name, components=components, min_exploration=floor)
    return Mixture(spec, [part for part, _ in parts])


def test_the_first_pmf_is_weighed_by_the_shares() -> None:
    mix = mixture((Fixed("a", (1.0, 0.0)), 3.0), (Fixed("b", (0.0, 1.0)), 1.0))
    assert mix.pmf(state(), TWO).probs == (0.75, 0.25)


def test_later_steps_follow_the_component_that_would_have_drawn_the_earlier_ones() -> None:
    mix = mixture((Fixed("a", (1.0, 0.0), (1.0, 0.0)), 3.0), (Fixed("b", (0.0, 1.0), (0.0, 1.0)), 1.0))
    later = state(judged("m1"), steps=[step(TWO, 1, probs=(0.75, 0.25))])
    assert mix.pmf(later, TWO).probs == (0.0, 1.0)


def test_the_posterior_is_bayes_rule() -> None:
    mix = mixture((Fixed("a", (0.8, 0.2), (1.0, 0.0)), 1.0), (Fixed("b", (0.4, 0.6), (0.0, 1.0)), 1.0))
    later = state(judged("m0"), steps=[step(TWO, 0)])
    assert mix.pmf(later, TWO).probs == pytest.approx((2 / 3, 1 / 3))


def test_the_probability_of_a_whole_path_is_the_shares_mean_of_the_components() -> None:
    first, second = Fixed("a", (0.8, 0.2), (0.3, 0.7)), Fixed("b", (0.4, 0.6), (0.9, 0.1))
    mix = mixture((first, 0.25), (second, 0.75))
    start = mix.pmf(state(), TWO).probs[1]
    then = mix.pmf(state(judged("m1"), steps=[step(TWO, 1)]), TWO).probs[0]
    assert start * then == pytest.approx(0.25 * 0.2 * 0.3 + 0.75 * 0.6 * 0.9)


def test_steps_no_component_would_have_drawn_leave_the_shares_as_they_are() -> None:
    mix = mixture((Fixed("a", (1.0, 0.0), (1.0, 0.0)), 3.0), (Fixed("b", (1.0, 0.0), (0.0, 1.0)), 1.0))
    later = state(judged("m1"), steps=[step(TWO, 1)])
    assert mix.pmf(later, TWO).probs == (0.75, 0.25)


def test_a_nested_mixture_gives_the_same_path_probability_as_a_flat_one() -> None:
    a, b, c = (Fixed(n, (p, 1 - p), (1 - p, p)) for n, p in (("a", 0.1), ("b", 0.6), ("c", 0.9)))
    flat = mixture((a, 1.0), (b, 1.0), (c, 2.0))
    nested = mixture((mixture((a, 1.0), (b, 1.0), name="inner"), 1.0), (c, 1.0))
    later = state(judged("m1"), steps=[step(TWO, 1)])
    assert nested.pmf(later, TWO).probs == pytest.approx(flat.pmf(later, TWO).probs)


def test_the_version_names_every_leaf() -> None:
    inner = mixture((Fixed("a", (1.0,)), 1.0), (Fixed("b", (1.0,), version="12"), 1.0), name="inner")
    assert mixture((inner, 1.0), (Fixed("c", (1.0,), version="3"), 1.0)).version == "a@0+b@12+c@3"


def test_predictions_are_the_mean_of_the_components_that_have_any() -> None:
    mix = mixture(
        (Fixed("a", (0.5, 0.5)), 2.0),
        (Fixed("b", (0.5, 0.5), predicted=(0.2, 0.4)), 1.0),
        (Fixed("c", (0.5, 0.5), predicted=(0.4, 0.8)), 1.0),
    )
    assert mix.pmf(state(), TWO).predicted == pytest.approx((0.3, 0.6))


def test_a_mixture_without_predictors_predicts_nothing() -> None:
    assert mixture((Fixed("a", (0.5, 0.5)), 1.0)).pmf(state(), TWO).predicted == ()


def test_the_mixture_has_its_own_floor() -> None:
    mix = mixture((Fixed("a", (1.0, 0.0)), 1.0), floor=0.2)
    assert mix.pmf(state(), TWO).probs == pytest.approx((0.9, 0.1))


def test_the_chance_of_a_verdict_is_weighed_by_who_would_have_drawn_the_action() -> None:
    often = Fixed("a", (0.8, 0.2), judge=(0.9, 0.5))
    always = Fixed("b", (0.4, 0.6))
    pmf = mixture((often, 1.0), (always, 1.0)).pmf(state(), TWO)
    assert pmf.judge == pytest.approx(((0.8 * 0.9 + 0.4) / 1.2, (0.2 * 0.5 + 0.6) / 0.8))


def test_a_mixture_that_always_judges_says_so_by_silence() -> None:
    assert mixture((Fixed("a", (0.8, 0.2)), 1.0)).pmf(state(), TWO).judge == ()


def test_an_action_nobody_takes_has_a_sound_chance_of_a_verdict() -> None:
    assert mixture((Fixed("a", (1.0, 0.0), judge=(0.5, 0.5)), 1.0)).pmf(state(), TWO).judge == (0.5, 1.0)


@pytest.mark.parametrize(("asked", "weights"), [(True, (0.2, 0.8)), (False, (0.8, 0.2))])
def test_whether_an_answer_was_to_be_judged_tells_the_components_apart(
    asked: bool, weights: tuple[float, float]
) -> None:
    seldom = Fixed("a", (1.0, 0.0), (1.0, 0.0), judge=(0.2, 0.2))
    mostly = Fixed("b", (1.0, 0.0), (0.0, 1.0), judge=(0.8, 0.8))
    later = state(judged("m0"), steps=[replace(step(TWO, 0), judged=asked)])
    assert mixture((seldom, 1.0), (mostly, 1.0)).pmf(later, TWO).probs == pytest.approx(weights)


def test_the_probability_of_a_path_with_its_verdicts_is_the_shares_mean_of_the_components() -> None:
    first, second = Fixed("a", (0.8, 0.2), (0.3, 0.7), judge=(0.1, 0.6)), Fixed("b", (0.4, 0.6), (0.9, 0.1))
    mix = mixture((first, 0.25), (second, 0.75))
    start = mix.pmf(state(), TWO)
    then = mix.pmf(state(judged("m1"), steps=[step(TWO, 1)]), TWO).probs[0]
    assert start.probs[1] * start.judge[1] * then == pytest.approx(0.25 * 0.2 * 0.6 * 0.3 + 0.75 * 0.6 * 1.0 * 0.9)


def test_the_answer_served_is_that_of_the_component_most_probably_stopping() -> None:
    mix = mixture((Fixed("a", (0.1, 0.9), serve=0), 3.0), (Fixed("b", (0.9, 0.1), serve=1), 1.0))
    assert mix.pmf(state(), (stop(), TWO[1])).serve == 1


def test_the_floor_changes_neither_verdicts_nor_what_is_served() -> None:
    pmf = mixture((Fixed("a", (0.9, 0.1), judge=(0.5, 0.25), serve=0), 1.0), floor=0.1).pmf(state(), (stop(), TWO[1]))
    assert (pmf.judge, pmf.serve) == ((0.5, 0.25), 0)


def test_where_a_least_quality_has_all_answers_judged_judging_tells_nothing_of_the_component() -> None:
    rarely = Fixed("a", (1.0, 0.0), (1.0, 0.0), judge=(0.1, 0.1))
    always = Fixed("b", (1.0, 0.0), (0.0, 1.0))
    asked = replace(state(judged("m0"), steps=[step(TWO, 0, probs=(1.0, 0.0))]), min_quality=0.8)
    assert mixture((rarely, 1.0), (always, 1.0)).pmf(asked, TWO).probs == (0.5, 0.5)
