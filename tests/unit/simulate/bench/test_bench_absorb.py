"""Models that come late are probed as in the service before they take queries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bandit_router.types import Action, Event, Pmf, State
from simulate.bench.record import Run
from simulate.bench.replay import Replay
from simulate.bench.stream import Setting, make_stream
from simulate.bench.world import World
from tests.unit.simulate.bench.conftest import make_world

ROWS = 400
HALF = ROWS // 2


class Cheapest:
    """Takes the cheapest model, or the newcomer once it is there; predicts what it is told to."""

    name, version = "cheapest", "0"

    def __init__(self, values: dict[str, float] | None = None) -> None:
        self._values = values or {}
        self.events: list[Event] = []
        self.offers: list[tuple[str, ...]] = []

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        names = [action.model for action in actions]
        if not state.history:
            self.offers.append(tuple(names))
        place = names.index("stop") if "stop" in names else names.index("m2") if "m2" in names else 0
        probs = tuple(float(at == place) for at in range(len(names)))
        return Pmf(probs=probs, predicted=tuple(self._values.get(name) for name in names) if self._values else ())

    def learn(self, events: Sequence[Event], /) -> None:
        self.events += events

    def dump(self) -> bytes:
        return b""


def world_of(*, judged: float = 0.9) -> World:
    """Return a world of two models that score .5, and the best one; what that is judged to be."""
    noise = np.random.default_rng(0).normal(0.0, 0.05, size=(ROWS, 3))
    verdicts = np.array([0.5, 0.5, judged]) + noise
    scores = [[0.5, 0.5, 0.9]] * ROWS
    return make_world(scores, [[0.001, 0.01, 0.02]] * ROWS, recorded=verdicts[:, :, None].tolist())


def played(world: World, policy: Cheapest, *, probes: int = 60) -> Run:
    setting = Setting(value_usd=1.0, judge_cost_usd=0.001, scenario="new_model", probes=probes)
    stream = make_stream(world, setting, 0)
    return Replay(world, setting, stream, [policy]).play(lambda _: policy, lambda _: None).run("p", "k", 0)


def test_a_better_model_is_probed_then_takes_queries() -> None:
    policy = Cheapest()
    run = played(world_of(), policy)
    (found,) = run.absorbed
    assert (found.model, found.lets_in, found.query) == ("m2", True, HALF + found.probes - 1)
    assert set(run.start[: found.query + 1]) == {0}
    assert set(run.start[found.query + 1 :]) == {2}


def test_probes_are_learned_from_and_cost_the_queries_nothing() -> None:
    policy = Cheapest()
    run = played(world_of(), policy)
    (found,) = run.absorbed
    probed = [event for event in policy.events if event.decision.kind == "probe"]
    assert {event.outcome.history[0].attempt.model for event in probed} == {"m2"}
    assert len(probed) == found.probes
    assert found.cost_usd == pytest.approx(found.probes * 0.021)
    assert run.cost_usd[: found.query].tolist() == pytest.approx([0.002] * found.query)


def test_one_that_is_turned_down_takes_none() -> None:
    run = played(world_of(judged=0.45), Cheapest({"m0": 0.5, "m1": 0.4, "m2": 0.499}))
    (found,) = run.absorbed
    assert (found.lets_in, found.reason) == (False, "it could win nowhere")
    assert set(run.start) == {0}


def test_without_probes_it_takes_queries_at_once() -> None:
    run = played(world_of(), Cheapest(), probes=0)
    assert run.absorbed == ()
    assert set(run.start[HALF:]) == {2}


def test_the_same_run_is_played_twice() -> None:
    first, second = (played(world_of(), Cheapest()) for _ in range(2))
    assert first.absorbed == second.absorbed
    assert np.array_equal(first.cost_usd, second.cost_usd)
