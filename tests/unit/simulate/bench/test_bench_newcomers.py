"""Made-up models that a scenario adds: what they are made of, and when they come."""

from __future__ import annotations

import numpy as np
import pytest

from simulate.bench.newcomers import NEWCOMERS, newcomers, with_newcomers
from simulate.bench.stream import Setting, make_stream
from simulate.bench.world import World
from tests.unit.simulate.bench.conftest import make_world

ROWS = 400


@pytest.fixture
def world() -> World:
    return make_world([[1.0, 0.0, 1.0]] * ROWS, [[0.001, 0.01, 0.1]] * ROWS)


def test_other_scenarios_add_nothing(world: World) -> None:
    assert with_newcomers(world, "stationary").models == world.models


@pytest.mark.parametrize("name", NEWCOMERS)
def test_models_stay_in_price_order_and_newcomers_come_at_half_time(world: World, name: str) -> None:
    more = with_newcomers(world, name)
    assert np.all(np.diff(more.costs.mean(axis=0)) >= 0)
    assert len(newcomers(more)) == len(more.models) - 3 == len(NEWCOMERS[name])
    before, after = make_stream(more, Setting(value_usd=1.0, scenario=name), 0).phases
    assert (set(before.absent), after.absent, after.start) == (set(newcomers(more)), (), ROWS // 2)


def test_a_bad_newcomer_is_cheaper_and_worse_than_the_cheapest(world: World) -> None:
    more = with_newcomers(world, "bad_newcomer")
    (place,) = newcomers(more)
    assert more.costs[:, place] == pytest.approx(0.0005)
    assert more.scores[:, place].mean() == pytest.approx(0.3, abs=0.08)


def test_a_dear_newcomer_is_as_good_as_the_dearest(world: World) -> None:
    more = with_newcomers(world, "dear_newcomer")
    (place,) = newcomers(more)
    assert more.costs[:, place] == pytest.approx(0.3)
    assert more.scores[:, place].tolist() == [1.0] * ROWS


def test_the_same_world_gives_the_same_newcomers(world: World) -> None:
    first, second = with_newcomers(world, "ten_newcomers"), with_newcomers(world, "ten_newcomers")
    assert np.array_equal(first.scores, second.scores)
    assert np.array_equal(first.costs, second.costs)
