"""The package `paretobandit` plays the same stream with its own pacer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bandit_router.errors import ConfigError
from simulate.bench.entrants import load_entrants
from simulate.bench.grid import jobs_at_spend
from simulate.bench.peer import features, peer_entrants, play_peer
from simulate.bench.play import play as bench_play
from simulate.bench.record import Tally
from simulate.bench.stream import Setting, make_stream
from simulate.bench.world import World
from tests.unit.simulate.bench.conftest import make_world

pytest.importorskip("pareto_bandit", reason="the demo extra is not installed")

ROWS = 400


@pytest.fixture
def wide() -> World:
    """The dear model is always right, the cheap one never; each costs the same every time."""
    return make_world([[0.0, 1.0]] * ROWS, [[0.0001, 0.01]] * ROWS)


def play(world: World, budget: float, *, scenario: str = "stationary", seed: int = 0) -> Tally:
    setting = Setting(value_usd=1.0, judge_cost_usd=0.0, scenario=scenario)
    return play_peer(world, setting, make_stream(world, setting, seed), budget, tick=lambda _: None)


def test_a_larger_budget_buys_more_quality(wide: World) -> None:
    poor, rich = play(wide, 0.001), play(wide, 0.02)
    assert np.mean(rich.quality) > np.mean(poor.quality) + 0.2


def test_its_pacer_counts_what_was_spent(wide: World) -> None:
    assert np.mean(play(wide, 0.003).cost_usd) == pytest.approx(0.003, rel=0.35)


def test_the_same_seed_gives_the_same_run(wide: World) -> None:
    assert play(wide, 0.003, seed=4).start == play(wide, 0.003, seed=4).start


def test_every_answer_is_judged_and_paid_for(wide: World) -> None:
    setting = Setting(value_usd=1.0, judge_cost_usd=0.5)
    tally = play_peer(wide, setting, make_stream(wide, setting, 0), 1.0, tick=lambda _: None)
    assert (set(tally.judged), min(tally.cost_usd) > 0.5) == ({1}, True)


def test_a_new_model_is_registered_when_it_comes(wide: World) -> None:
    tally = play(wide, 0.02, scenario="new_model")
    assert (max(tally.start[: ROWS // 2]), max(tally.start[ROWS // 2 :])) == (0, 1)


def test_a_price_cut_is_told(wide: World) -> None:
    tally = play(wide, 0.002, scenario="price_cut")
    assert np.mean(tally.start[ROWS // 2 :]) > np.mean(tally.start[: ROWS // 2])


def test_features_are_whitened_components_and_a_bias(wide: World) -> None:
    made = features(wide, make_stream(wide, Setting(value_usd=1.0), 0))
    assert made.shape == (ROWS, 9)  # Embeddings of 8 numbers.
    assert made[:, :-1].std(axis=0) == pytest.approx(np.ones(8))
    assert set(made[:, -1]) == {1.0}


@pytest.mark.parametrize(
    ("peer", "budgets", "remedy"),
    [
        ("litellm", [0.1], "known: paretobandit"),
        ("paretobandit", [], "add --peer-budget"),
        ("paretobandit", [0.0], "above 0"),
        (None, [0.1], "add --peer paretobandit"),
    ],
)
def test_a_bad_peer_is_refused_with_a_remedy(peer: str | None, budgets: list[float], remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy):
        peer_entrants(peer, budgets)


def test_a_policy_is_played_again_at_what_the_peer_spent(
    command: Callable[..., dict[str, Any]], policies: Callable[[str], str]
) -> None:
    peer = ("--peer", "paretobandit", "--peer-budget", "0.005", "--seeds", "2")
    found = command("--policy", "random", "--policy", policies("learner"), *peer)
    names = [line["policy"] for line in found["results"] if line["seed"] == 0]
    assert names == ["random", "learner", "paretobandit@0.005", "learner as paretobandit@0.005"]
    assert len(found["results"]) == 2 * len(names)


def test_its_budget_is_the_spend_of_the_same_seed(wide: World, policies: Callable[[str], str]) -> None:
    runs = [play(wide, 0.003, seed=seed).run("p", "peer", seed) for seed in (0, 1)]
    jobs = jobs_at_spend(load_entrants([policies("learner")]), runs)
    assert [(job.seed, job.entrant.budget_usd) for job in jobs] == [(run.seed, run.cost_usd.mean()) for run in runs]


def test_an_entrants_budget_takes_the_place_of_the_settings(wide: World, policies: Callable[[str], str]) -> None:
    (entrant,) = load_entrants([policies("learner")])
    settings = Setting(value_usd=0.01, budget_usd=0.0005), Setting(value_usd=0.01, budget_usd=0.008)
    own = bench_play(wide, settings[0], replace(entrant, budget_usd=0.008), 0, tick=lambda _: None)
    same = bench_play(wide, settings[1], entrant, 0, tick=lambda _: None)
    other = bench_play(wide, settings[0], entrant, 0, tick=lambda _: None)
    assert own.cost_usd.tolist() == same.cost_usd.tolist() != other.cost_usd.tolist()


def test_the_result_names_it_with_its_budget(command: Callable[..., dict[str, Any]]) -> None:
    found = command("--peer", "paretobandit", "--peer-budget", "0.005", "--peer-budget", "0.01", "--seeds", "1")
    assert [(line["policy"], line["kind"]) for line in found["results"]] == [
        ("paretobandit@0.005", "peer"),
        ("paretobandit@0.01", "peer"),
    ]
