"""What each scenario changes, and when."""

from __future__ import annotations

import numpy as np
import pytest

from bandit_router.errors import ConfigError
from simulate.bench.scenarios import SCENARIOS, scenario
from simulate.bench.stream import Setting, Stream, make_stream, outcomes
from simulate.bench.world import World
from tests.unit.simulate.bench.conftest import make_world

ROWS = 90


@pytest.fixture
def long_world() -> World:
    categories = ["law", "code", "math"] * (ROWS // 3)
    return make_world([[0.2, 0.6, 0.9]] * ROWS, [[0.001, 0.01, 0.1]] * ROWS, categories=categories)


def stream(world: World, name: str, seed: int = 0) -> Stream:
    return make_stream(world, Setting(value_usd=1.0, scenario=name), seed)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_phases_cover_the_stream_and_every_row_comes_once(long_world: World, name: str) -> None:
    made = stream(long_world, name)
    edges = [edge for phase in made.phases for edge in (phase.start, phase.stop)]
    assert (edges[0], edges[-1], edges[1:-1:2]) == (0, ROWS, edges[2::2])
    assert sorted(made.order) == list(range(ROWS))


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_seed_gives_the_same_order(long_world: World, name: str) -> None:
    assert np.array_equal(stream(long_world, name).order, stream(long_world, name).order)


def test_a_price_cut_takes_the_dearest_to_a_tenth_at_half_time_in_cost_and_list_price(long_world: World) -> None:
    made = stream(long_world, "price_cut")
    before, after = (outcomes(long_world, made, phase) for phase in made.phases)
    assert before.costs[0].tolist() == [0.001, 0.01, 0.1]
    assert after.costs[0].tolist() == after.expected[0].tolist() == pytest.approx([0.001, 0.01, 0.01])


def test_a_dropped_model_scores_and_is_judged_as_the_cheapest(long_world: World) -> None:
    made = stream(long_world, "quality_drop")
    after = outcomes(long_world, made, made.phases[1], dropped=2)
    assert after.scores[0].tolist() == [0.2, 0.6, 0.2]
    assert after.panel[0].tolist() == pytest.approx([0.2, 0.6, 0.2])
    assert after.costs[0].tolist() == [0.001, 0.01, 0.1]


def test_recorded_verdicts_drop_with_the_scores() -> None:
    world = make_world([[0, 1]] * 4, [[1, 2]] * 4, judge="recorded", recorded=[[[0.3], [0.8]]] * 4)
    made = stream(world, "quality_drop")
    assert outcomes(world, made, made.phases[1], dropped=1).panel[0].tolist() == [0.3, 0.3]


def test_recovery_drops_for_the_middle_third_only(long_world: World) -> None:
    made = stream(long_world, "recovery")
    scores = [outcomes(long_world, made, phase, dropped=1).scores[0, 1] for phase in made.phases]
    assert (scores, [phase.stop for phase in made.phases]) == ([0.6, 0.2, 0.6], [30, 60, 90])


@pytest.mark.parametrize(("value_usd", "before"), [(1.0, (0, 1)), (0.1, (0, 2))])
def test_the_new_model_is_the_best_at_the_value_and_absent_until_half_time(
    long_world: World, value_usd: float, before: tuple[int, ...]
) -> None:
    made = make_stream(long_world, Setting(value_usd=value_usd, scenario="new_model"), 0)
    assert [outcomes(long_world, made, phase).present for phase in made.phases] == [before, (0, 1, 2)]


def test_categories_shift_at_half_time(long_world: World) -> None:
    made = stream(long_world, "category_shift")
    halves = [{long_world.categories[row] for row in half} for half in np.split(made.order, 2)]
    # Three categories of 30 rows in halves of 45: the second to come is in both.
    assert (len(halves[0]), len(halves[1]), len(halves[0] & halves[1])) == (2, 2, 1)


def test_an_unknown_scenario_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'price_cut'"):
        scenario("price_cuts")


def test_a_new_model_needs_another_before_it() -> None:
    with pytest.raises(ConfigError, match="two models"):
        stream(make_world([[1.0]], [[1.0]]), "new_model")


def test_a_stream_too_short_for_a_phase_goes_without_it() -> None:
    assert [phase.name for phase in stream(make_world([[1.0, 1.0]], [[1.0, 1.0]]), "recovery").phases] == ["recovered"]
