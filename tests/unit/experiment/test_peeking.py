"""Looking again and again: few false alarms, the truth held at every look, real effects found."""

import math

import pytest

from simulate.experiments.peeking import Draw, cost, peek, peek_adjusted, peek_sessions, rate, reward


@pytest.mark.parametrize("draw", [reward, rate, cost])
def test_equal_arms_are_told_apart_in_few_of_many_experiments(draw: Draw) -> None:
    found = peek(draw, experiments=200, looks=50)
    assert found.missed <= 0.05
    assert found.missed_naive > 0.2


def test_the_true_effect_is_held_at_every_look() -> None:
    assert peek(reward, effect=0.05, experiments=200, looks=50, seed=1).missed <= 0.05


def test_a_large_effect_is_found_long_before_the_end() -> None:
    found = peek(reward, effect=4 * 0.48 * math.sqrt(4 / 2000), experiments=100, looks=50, seed=2)
    assert found.found > 0.75
    assert found.stopped < 1700


def test_sessions_of_alike_requests_are_told_apart_hardly_ever() -> None:
    by_session, by_request = peek_sessions(experiments=100)
    assert by_session <= 0.05
    assert by_request > 0.15


def test_taking_out_what_is_known_of_other_units_raises_no_false_alarms() -> None:
    assert peek_adjusted(units=400, looks=4, experiments=30) <= 0.05
