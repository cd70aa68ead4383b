"""Every kind of policy keeps the same promises: an exact pmf, a floor, deterministic learning, a sound state."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence

import pytest

from bandit_router.errors import CorruptArtifact
from bandit_router.policy.draw import draw, validate
from bandit_router.policy.load import build, learning_names, spec_hash
from bandit_router.policy.spec import KINDS, Spec
from bandit_router.protocols import Forgetful, LearningPolicy, Policy
from bandit_router.types import Action, Event, State, Version
from tests.unit.policy.factories import NOW, context, event, fleet, judged, reward_of, state, step, stop

SPECS: dict[str, dict[str, object]] = {
    "static": {"kind": "static", "model": "m1"},
    "static_floored": {"kind": "static", "model": "@cheapest", "min_exploration": 0.2},
    "fixed_cascade": {"kind": "fixed_cascade", "start": 1},
    "fixed_cascade_floored": {"kind": "fixed_cascade", "min_exploration": 0.1},
    "taxonomy": {"kind": "taxonomy", "table": {"code": "m4", "chat": "tier-1"}, "fallback": "fixed_cascade_floored"},
    "taxonomy_fitted": {"kind": "taxonomy", "fit": True, "fallback": "static"},
    "taxonomy_unsure": {"kind": "taxonomy", "table": {"code": "m4"}, "fallback": "vw_cb", "min_confidence": 0.9},
    "learned": {"kind": "learned", "warm_up": 50},
    "learned_climbing": {"kind": "learned", "climb": True, "warm_up": 50, "embedding_dims": 4},
    "emafusion": {"kind": "emafusion", "taxonomy": "taxonomy_fitted", "learned": "learned", "min_exploration": 0.02},
    "vw_cb": {"kind": "vw_cb", "l2": 1e-6, "learning_rate": 0.3, "power_t": 0.4},
    "vw_cb_thresholds": {"kind": "vw_cb", "climb": "thresholds"},
    "index": {"kind": "index", "embedding_dims": 8},
    "mixture": {
        "kind": "mixture",
        "components": [{"policy": "vw_cb", "weight": 3}, {"policy": "fixed_cascade", "weight": 1}],
    },
    "nested": {
        "kind": "mixture",
        "min_exploration": 0.05,
        "components": [{"policy": "mixture"}, {"policy": "static"}],
    },
}
PARSED: dict[str, Spec] = {
    name: KINDS[str(spec["kind"])].model_validate({"name": name, **spec}) for name, spec in SPECS.items()
}
LEARNING = learning_names(PARSED)
MODELS = fleet(6)
every_policy = pytest.mark.parametrize("name", SPECS)
every_learner = pytest.mark.parametrize("name", LEARNING)
DRAWS = 20_000


def policies(artifacts: dict[str, Version] | None = None) -> dict[str, Policy]:
    return build(PARSED, artifacts or {}, reward=reward_of)


def learner(name: str, artifact: bytes | None = None) -> LearningPolicy:
    policy = policies({name: version(name, artifact)} if artifact is not None else {})[name]
    assert isinstance(policy, LearningPolicy)
    return policy


def version(name: str, artifact: bytes) -> Version:
    return Version(
        policy=name,
        number=1,
        artifact=artifact,
        checksum=hashlib.sha256(artifact).hexdigest(),
        cursor=0,
        events=0,
        spec_hash=spec_hash(PARSED[name]),
        parent=None,
        created_at=NOW,
    )


def world(n: int, *, seed: int = 0, actions: Sequence[Action] = MODELS) -> list[Event]:
    """Return events in which m4 is best for code and m0 for all else, logged by a uniform policy."""
    rng = random.Random(seed)
    events = []
    for _ in range(n):
        category, chosen = rng.choice(["code", "chat"]), rng.randrange(len(actions))
        good = actions[chosen].model == ("m4" if category == "code" else "m0")
        reward = min(max((0.9 if good else 0.3) + rng.gauss(0, 0.05), -1.0), 1.0)
        at = context(category, seed=rng.randrange(50))
        events.append(event(step(actions, chosen), reward=reward, ctx=at))
    return events


def taught(name: str, n: int = 300) -> Policy:
    """Return a policy of any kind, those that learn behind it being taught n events."""
    built = policies()
    for part in built.values():
        if isinstance(part, LearningPolicy):
            part.learn(world(n))
    return built[name]


def situations() -> dict[str, tuple[State, tuple[Action, ...]]]:
    """Return a start, a step after an answer and one after a failure, with the steps that led there."""
    first = step(MODELS, 0)
    left = MODELS[1:]
    return {
        "start": (state(), MODELS),
        "answered": (state(judged(quality=0.5), steps=[first]), (stop(), *left)),
        "failed": (state(judged(status="timeout"), steps=[first]), left),
    }


def chi_square_tail(statistic: float, freedom: int) -> float:
    """Return P(chi-square > statistic) by Wilson and Hilferty's normal approximation (1931)."""
    spread = 2 / (9 * freedom)
    z = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(z / math.sqrt(2))


def test_every_kind_is_in_this_suite() -> None:
    assert {spec["kind"] for spec in SPECS.values()} == set(KINDS)


@every_policy
@pytest.mark.parametrize("situation", situations())
def test_the_pmf_sums_to_one(name: str, situation: str) -> None:
    at, actions = situations()[situation]
    validate(taught(name).pmf(at, actions), len(actions))


@every_policy
@pytest.mark.parametrize("situation", situations())
def test_draws_are_as_frequent_as_the_pmf_says(name: str, situation: str) -> None:
    at, actions = situations()[situation]
    pmf = taught(name).pmf(at, actions)
    rng = random.Random(7)
    counts = [0] * len(actions)
    for _ in range(DRAWS):
        counts[draw(pmf, rng.random())] += 1
    assert all(count == 0 for count, prob in zip(counts, pmf.probs, strict=True) if prob == 0)
    # Cells of few expected draws are pooled, as the chi-square approximation needs.
    large = [(count, DRAWS * prob) for count, prob in zip(counts, pmf.probs, strict=True) if DRAWS * prob >= 5]
    small = [(count, DRAWS * prob) for count, prob in zip(counts, pmf.probs, strict=True) if 0 < DRAWS * prob < 5]
    cells = [*large, *([(sum(c for c, _ in small), sum(e for _, e in small))] if small else [])]
    statistic = sum((count - expected) ** 2 / expected for count, expected in cells)
    assert len(cells) == 1 or chi_square_tail(statistic, len(cells) - 1) > 1e-4


@every_policy
def test_a_pmf_does_not_depend_on_how_often_it_is_asked_for(name: str) -> None:
    policy = taught(name)
    at, actions = situations()["start"]
    assert policy.pmf(at, actions) == policy.pmf(at, actions)


@every_policy
def test_the_floor_is_kept_at_the_start(name: str) -> None:
    probs = taught(name).pmf(state(), MODELS).probs
    assert min(probs) >= PARSED[name].min_exploration / len(MODELS) - 1e-12


@every_policy
def test_a_failed_attempt_moves_on_to_another_model(name: str) -> None:
    at, actions = situations()["failed"]
    probs = taught(name).pmf(at, actions).probs
    assert len(probs) == len(actions)
    assert "m0" not in {action.model for action, prob in zip(actions, probs, strict=True) if prob > 0}


@every_policy
def test_the_last_model_left_is_taken_after_failures(name: str) -> None:
    failures = [judged(f"m{i}", tier=i // 2, status="error") for i in range(5)]
    steps = [step(MODELS[i:], 0) for i in range(5)]
    assert taught(name).pmf(state(*failures, steps=steps), MODELS[5:]).probs == (1.0,)


@every_policy
def test_an_answer_with_nothing_left_to_try_is_served(name: str) -> None:
    at = state(judged(quality=0.0), steps=[step(MODELS, 0)])
    assert taught(name).pmf(at, (stop(),)).probs == (1.0,)


@every_policy
@pytest.mark.parametrize("n", [1, 2, 200])
def test_one_to_two_hundred_models_work(name: str, n: int) -> None:
    validate(taught(name).pmf(state(), fleet(n)), n)


@every_policy
def test_a_new_model_and_a_retired_one_are_survived(name: str) -> None:
    policy = taught(name)
    changed = (*MODELS[2:], Action(model="newcomer", tier=1, cost_usd=0.0002))
    validate(policy.pmf(state(), changed), len(changed))


@every_policy
def test_predictions_are_none_or_one_an_action(name: str) -> None:
    pmf = taught(name).pmf(state(), MODELS)
    assert len(pmf.predicted) in (0, len(MODELS))


@every_learner
def test_learning_is_deterministic(name: str) -> None:
    one, two = learner(name), learner(name)
    one.learn(world(200))
    two.learn(world(200))
    assert one.dump() == two.dump()


@every_learner
def test_batches_and_serving_in_between_do_not_change_what_is_learned(name: str) -> None:
    whole, parts = learner(name), learner(name)
    events = world(200)
    whole.learn(events)
    for start in range(0, 200, 7):
        parts.learn(events[start : start + 7])
        parts.pmf(state(), MODELS)
    assert parts.dump() == whole.dump()


@every_learner
def test_a_reloaded_state_predicts_bit_for_bit_the_same(name: str) -> None:
    policy = learner(name)
    policy.learn(world(300))
    reloaded = learner(name, policy.dump())
    for category in ("code", "chat", "unseen"):
        at = state(ctx=context(category))
        assert reloaded.pmf(at, MODELS) == policy.pmf(at, MODELS)


@every_learner
def test_learning_goes_on_bit_for_bit_after_every_reload(name: str) -> None:
    events = world(300)
    whole = learner(name)
    whole.learn(events)
    artifact = learner(name).dump()
    for start in range(0, 300, 60):
        part = learner(name, artifact)
        part.learn(events[start : start + 60])
        artifact = part.dump()
    assert artifact == whole.dump()


def until_it_is_left(name: str, *, forgetting: bool) -> int:
    """Return after how many bad answers a model is no longer the first choice that had been the best for long."""
    policy = learner(name)
    assert isinstance(policy, Forgetful)
    policy.learn(world(400))
    if forgetting:
        policy.forget("m0")
    bad = event(step(MODELS, 0), reward=0.0, ctx=context("chat"))
    for n in range(600):
        probs = policy.pmf(state(ctx=context("chat")), MODELS).probs
        if probs[0] < max(probs):
            return n
        policy.learn([bad])
    return 600


@every_learner
def test_a_model_that_changed_is_left_sooner_once_that_is_told(name: str) -> None:
    assert until_it_is_left(name, forgetting=True) < until_it_is_left(name, forgetting=False)


@every_learner
def test_what_was_forgotten_is_part_of_the_state(name: str) -> None:
    policy = learner(name)
    policy.learn(world(100))
    assert isinstance(policy, Forgetful)
    policy.forget("m0")
    reloaded = learner(name, policy.dump())
    for each in (policy, reloaded):
        each.learn(world(50, seed=3))
    assert reloaded.dump() == policy.dump()


@every_learner
def test_forgetting_a_model_that_is_not_known_is_harmless(name: str) -> None:
    policy = learner(name)
    assert isinstance(policy, Forgetful)
    policy.forget("nobody")
    validate(policy.pmf(state(), MODELS), len(MODELS))


@every_learner
def test_a_serving_copy_is_not_moved_by_the_learning_copy(name: str) -> None:
    artifact = learner(name).dump()
    serving, learning = learner(name, artifact), learner(name, artifact)
    before = serving.pmf(state(), MODELS)
    learning.learn(world(100))
    assert serving.pmf(state(), MODELS) == before
    assert learning.pmf(state(), MODELS) != before


@every_learner
@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_truncated_artifact_is_refused(name: str, keep: float) -> None:
    policy = learner(name)
    policy.learn(world(50))
    artifact = policy.dump()
    size = int(keep if keep > 1 else keep * len(artifact))
    with pytest.raises(CorruptArtifact):
        learner(name, artifact[:size])


@every_learner
def test_an_artifact_with_one_byte_changed_is_refused(name: str) -> None:
    policy = learner(name)
    policy.learn(world(50))
    artifact = bytearray(policy.dump())
    artifact[len(artifact) // 2] ^= 0xFF
    with pytest.raises(CorruptArtifact):
        learner(name, bytes(artifact))


@every_learner
def test_an_unobserved_reward_teaches_nothing(name: str) -> None:
    policy = learner(name)
    cold = policy.dump()
    policy.learn([event(step(MODELS, 0), history=[judged(status="timeout")], reward=None)])
    assert policy.dump() == cold


@every_learner
@pytest.mark.parametrize(("category", "better"), [("code", 4), ("chat", 0)])
def test_the_better_model_becomes_more_probable_where_it_is_better(name: str, category: str, better: int) -> None:
    policy = learner(name)
    policy.learn(world(2000))
    here, elsewhere = state(ctx=context(category)), state(ctx=context("chat" if category == "code" else "code"))
    assert policy.pmf(here, MODELS).probs[better] > 0.8
    assert policy.pmf(elsewhere, MODELS).probs[better] < 0.2


@every_learner
def test_a_better_newcomer_is_adopted(name: str) -> None:
    policy, at, rng = learner(name), state(ctx=context("chat")), random.Random(1)
    policy.learn(world(1000))
    actions = (*MODELS[1:], Action(model="newcomer", tier=0, cost_usd=0.0001))
    for _ in range(1000):
        pmf = policy.pmf(at, actions)
        chosen = draw(pmf, rng.random())
        reward = 0.95 if actions[chosen].model == "newcomer" else 0.3
        policy.learn([event(step(actions, chosen, probs=pmf.probs), reward=reward, ctx=at.context)])
    assert policy.pmf(at, actions).probs[-1] > 0.8
