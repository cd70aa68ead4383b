"""What an index policy makes of the time that models and judges take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bandit_router.policy.index.paces import Paces
from bandit_router.policy.index.policy import IndexPolicy
from bandit_router.policy.index.state import dump, load
from bandit_router.policy.sealed import seal, unseal
from bandit_router.policy.spec import IndexSpec
from bandit_router.types import Action, Event, Judged
from tests.unit.policy.factories import event, fleet, judged, state, step, stop

MODELS = fleet(2)
SECONDS = {"m0": 1.0, "m1": 30.0}


def policy() -> IndexPolicy:
    spec = IndexSpec.model_validate({"kind": "index", "name": "i", "embedding_dims": 8})
    return IndexPolicy(spec, version=None, learns=lambda _event: True)


def timed(model: str, quality: float) -> Judged:
    found = judged(model, quality=quality)
    return replace(found, attempt=replace(found.attempt, latency_s=SECONDS[model]))


def stream(models: Sequence[Action] = MODELS) -> list[Event]:
    """Return what a slow model that is always good, and a quick one that is so half of the time, are known by."""
    events = []
    for number in range(400):
        chosen = number % 2
        good = 1.0 if chosen else float(number // 2 % 2)
        history = [timed(models[chosen].model, 0.2 + 0.6 * good)]
        events.append(event(step(models, chosen), history=history, reward=good))
    return events


@pytest.fixture(scope="module")
def taught() -> IndexPolicy:
    learner = policy()
    learner.learn(stream())
    return learner


def test_a_slow_model_is_started_with_while_time_is_free(taught: IndexPolicy) -> None:
    assert taught.pmf(state(), MODELS).probs[1] > 0.9


def test_a_quick_model_is_started_with_where_time_is_dear(taught: IndexPolicy) -> None:
    assert taught.pmf(replace(state(), value_s=30.0), MODELS).probs[0] > 0.9


def test_a_poor_answer_is_kept_where_waiting_would_cost_more_than_it_can_bring(taught: IndexPolicy) -> None:
    poor = state(timed("m0", 0.2), steps=[step(MODELS, 0)])
    offered = (stop(), MODELS[1])
    assert taught.pmf(poor, offered).probs[0] < 0.1
    assert taught.pmf(replace(poor, value_s=20.0), offered).probs[0] > 0.9


def test_predictions_take_off_the_time_that_was_spent(taught: IndexPolicy) -> None:
    at = state(timed("m1", 0.8), steps=[step(MODELS, 1)])
    free, dear = (taught.pmf(replace(at, value_s=value_s), (stop(),)).predicted[0] for value_s in (None, 100.0))
    assert free is not None
    assert dear == pytest.approx(free - 0.3)


def test_a_model_not_known_is_expected_to_take_as_long_as_all() -> None:
    paces = Paces()
    for seconds in (1.0, 3.0):
        paces.note("m0", seconds)
    assert paces.expected("new") == 2.0


def test_a_model_well_known_takes_as_long_as_it_did() -> None:
    paces = Paces()
    for _ in range(100):
        paces.note("slow", 10.0)
        paces.note("quick", 1.0)
    assert paces.expected("slow") == pytest.approx(10.0, rel=0.05)
    assert paces.expected("quick") < 1.5


def test_what_was_learned_of_time_is_dumped_and_loaded(taught: IndexPolicy) -> None:
    paces = load(taught.dump(), dims=8).paces
    assert paces.expected("m1") == pytest.approx(30.0, rel=0.05)
    assert dump(load(taught.dump(), dims=8)) == taught.dump()


def test_a_state_from_before_time_was_looked_at_is_loaded(taught: IndexPolicy) -> None:
    parts = unseal("index", taught.dump())
    names = json.loads(parts["names"])
    del names["paces"]
    old = load(seal("index", parts | {"names": json.dumps(names).encode()}), dims=8)
    assert old.paces.state() == Paces().state()
