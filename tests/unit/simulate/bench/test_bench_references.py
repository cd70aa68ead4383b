"""References in hindsight: against brute force, and against figures worked out by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from simulate.bench.references import (
    THRESHOLDS,
    Outlook,
    best_cascade,
    best_single,
    cascade_outcomes,
    cost_matched_mix,
    oracle,
    outlook,
)
from simulate.bench.stream import Setting, blocks, make_stream
from simulate.bench.world import World
from tests.unit.simulate.bench.conftest import make_world


def view(n: int = 60, k: int = 5, *, seed: int = 0, value_usd: float = 0.5, judge_cost_usd: float = 0.01) -> Outlook:
    rng = np.random.default_rng(seed)
    scores = rng.random((n, k)).round(1)
    # Rounded, so that there are ties.
    panel = np.clip(scores + rng.normal(0, 0.3, (n, k)), 0, 1).round(1)
    costs = np.sort(rng.random((1, k)), axis=1) * rng.uniform(0.5, 1.5, (n, k)) * 0.2
    costs = costs[:, np.argsort(costs.mean(axis=0))]
    return Outlook(
        models=tuple(range(k)),
        scores=scores,
        costs=costs,
        panel=panel,
        judge_cost_usd=judge_cost_usd,
        value_usd=value_usd,
    )


def brute_force(v: Outlook) -> float:
    """Walk every query through every cascade."""
    found = [float((v.scores[:, m] - v.costs[:, m] / v.value_usd).mean()) for m in range(len(v.models))]
    for size in (2, 3, 4):
        for subset in combinations(range(len(v.models)), size):
            for threshold in np.quantile(v.panel, np.linspace(0, 1, THRESHOLDS)):
                walks = [walk(v, row, subset, float(threshold)) for row in range(len(v.scores))]
                found.append(float(np.mean(walks)))
    return max(found)


def walk(v: Outlook, row: int, subset: tuple[int, ...], threshold: float) -> float:
    spent, best, quality = 0.0, -1.0, 0.0
    for model in subset:
        spent += v.costs[row, model] + v.judge_cost_usd
        if v.panel[row, model] >= best:
            best, quality = v.panel[row, model], v.scores[row, model]
        if v.panel[row, model] >= threshold:
            break
    return float(quality - spent / v.value_usd)


@pytest.mark.parametrize("value_usd", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_best_cascade_is_that_of_brute_force(seed: int, value_usd: float) -> None:
    v = view(seed=seed, value_usd=value_usd)
    assert best_cascade(v).figures.utility == pytest.approx(brute_force(v))


def test_the_figures_of_the_best_cascade_are_those_of_walking_through_it() -> None:
    v = view(value_usd=2.0)
    cascade = best_cascade(v)
    quality, cost = cascade_outcomes(v, cascade)
    assert len(cascade.columns) > 1
    assert (cascade.figures.quality, cascade.figures.cost_usd) == pytest.approx((quality.mean(), cost.mean()))


def test_a_single_model_pays_no_judge() -> None:
    v = view(value_usd=0.01, judge_cost_usd=5.0)
    column, single = best_single(v)
    assert best_cascade(v).columns == (column,)
    assert best_cascade(v).figures == single


def test_of_many_models_cascades_are_made_of_the_best_ones() -> None:
    v = view(n=30, k=40, value_usd=5.0)
    assert best_cascade(v).figures.utility >= best_single(v)[1].utility


def test_the_best_single_model_is_the_one_of_highest_utility(world: World) -> None:
    column, figures = best_single(_outlook(world, value_usd=0.1))
    # m0: 0.5 - 0.01; m1: 0.75 - 0.1; m2: 1 - 1.
    assert (column, figures.quality, figures.cost_usd) == (1, 0.75, pytest.approx(0.01))
    assert figures.utility == pytest.approx(0.65)


def test_the_mix_lies_on_the_line_between_two_models_on_the_hull() -> None:
    world = make_world([[0.5, 0.5, 1.0]], [[0.0, 0.1, 0.2]])
    mix = cost_matched_mix(_outlook(world), 0.1)
    assert (mix.quality, mix.cost_usd, mix.utility) == pytest.approx((0.75, 0.1, 0.65))


@pytest.mark.parametrize(("cost", "spent"), [(0.0, 0.1), (9.0, 0.2)])
def test_the_mix_spends_no_less_than_the_cheapest_and_no_more_than_the_best(cost: float, spent: float) -> None:
    world = make_world([[0.5, 1.0, 0.9]], [[0.1, 0.2, 0.3]])
    assert cost_matched_mix(_outlook(world), cost).cost_usd == pytest.approx(spent)


def test_the_oracle_takes_the_best_net_score_of_every_row(world: World) -> None:
    found = oracle(blocks(world, make_stream(world, Setting(value_usd=1.0), 0)), value_usd=1.0)
    assert (found.quality, found.cost_usd) == (1.0, pytest.approx((0.001 + 0.01) / 2))


def _outlook(world: World, *, value_usd: float = 1.0) -> Outlook:
    everything = blocks(world, make_stream(world, Setting(value_usd=value_usd), 0))
    return outlook(everything, judge_cost_usd=0.0, value_usd=value_usd)
