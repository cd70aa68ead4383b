"""The draw inverts the CDF, whatever rounding does; checks refuse what is no pmf."""

import math

import pytest

from bandit_router.policy.draw import draw, validate
from bandit_router.types import Pmf

JUST_BELOW_ONE = math.nextafter(1.0, 0.0)


def test_the_draw_inverts_the_cdf() -> None:
    pmf = Pmf(probs=(0.25, 0.5, 0.25))
    assert [draw(pmf, u) for u in (0.0, 0.2499, 0.25, 0.7499, 0.75, JUST_BELOW_ONE)] == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("uniform", [0.0, 0.5, JUST_BELOW_ONE])
def test_an_action_of_probability_zero_is_never_drawn(uniform: float) -> None:
    assert draw(Pmf(probs=(0.0, 1.0, 0.0)), uniform) == 1


def test_a_sum_a_hair_under_one_still_draws_a_possible_action() -> None:
    pmf = Pmf(probs=(*(0.1,) * 9, 0.1 - 1e-10, 0.0))
    assert draw(pmf, JUST_BELOW_ONE) == 9


@pytest.mark.parametrize("uniform", [-0.1, 1.0, math.nan])
def test_a_uniform_outside_its_range_is_refused(uniform: float) -> None:
    with pytest.raises(ValueError, match="uniform"):
        draw(Pmf(probs=(1.0,)), uniform)


def test_a_pmf_without_mass_cannot_be_drawn_from() -> None:
    with pytest.raises(ValueError, match="positive"):
        draw(Pmf(probs=(0.0, 0.0)), 0.5)


@pytest.mark.parametrize(
    ("probs", "n"),
    [((0.5, 0.5 + 1e-8), 2), ((1.5, -0.5), 2), ((math.nan, 1.0), 2), ((math.inf, 0.0), 2), ((1.0,), 2)],
)
def test_what_is_no_pmf_is_refused(probs: tuple[float, ...], n: int) -> None:
    with pytest.raises(ValueError, match="pmf"):
        validate(Pmf(probs=probs), n)


def test_predictions_must_be_none_or_one_an_action() -> None:
    with pytest.raises(ValueError, match="predictions"):
        validate(Pmf(probs=(0.5, 0.5), predicted=(0.1,)), 2)


def test_rounding_within_a_billionth_is_a_pmf() -> None:
    pmf = Pmf(probs=(0.5, 0.5 + 1e-10))
    assert validate(pmf, 2) is pmf
