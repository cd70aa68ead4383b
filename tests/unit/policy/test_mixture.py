"""A mixture's pmf is the marginal over its components, given what was drawn so far."""

from collections.abc import Sequence

import pytest

from bandit_router.policy.mixture import Mixture
from bandit_router.policy.spec import ComponentSpec, MixtureSpec
from bandit_router.protocols import Policy
from bandit_router.types import Action, Pmf, State
from tests.unit.policy.factories import fleet, judged, state, step

TWO = fleet(2)


class Fixed:
    """Gives the same probabilities at each step, one row a step."""

    def __init__(
        self, name: str, *rows: tuple[float, ...], version: str = "0", predicted: Sequence[float] = ()
    ) -> None:
        self.name, self.version, self.rows, self.predicted = name, version, rows, tuple(predicted)

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        return Pmf(probs=self.rows[len(state.history)], predicted=self.predicted)


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
