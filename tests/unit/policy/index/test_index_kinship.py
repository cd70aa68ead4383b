"""What is expected of a newcomer comes from its price, its stated scores and its kin, and stays in doubt."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bandit_router.policy.index.kinship import PRICE, VARIANCE, Kinship, Prior, Profile, Told, profiles
from bandit_router.policy.index.knowledge import Knowledge
from bandit_router.policy.index.newcomers import SETTLED
from bandit_router.policy.index.policy import IndexPolicy
from bandit_router.policy.index.space import Vector
from bandit_router.policy.index.state import dump, load
from bandit_router.policy.sealed import seal, unseal
from bandit_router.policy.spec import IndexSpec
from bandit_router.types import Action, Event, Judgement, Verdict
from tests.unit.policy.factories import event, judged, state, step

PLAIN = Profile(scores={})
OURS = replace(PLAIN, family="ours")
SHARP = 0.01


def told(profile: Profile, value: float, *, variance: float = SHARP) -> Told:
    return Told(profile=profile, own=np.array([value, 0.0]), variance=variance)


def mean(kinship: Kinship, profile: Profile) -> float:
    return float(kinship.prior(profile).own[0])


def cheap(name: str, **known: object) -> Action:
    return Action(model=name, cost_usd=0.001, **known)  # type: ignore[arg-type]


def promised(*actions: Action) -> dict[str, float]:
    offered = {action.model: action for action in actions}
    return {name: profile.promise for name, profile in profiles(offered, offered).items()}


def test_before_anything_is_told_a_prior_is_what_the_price_promises_to_the_bit() -> None:
    profile = replace(OURS, price=1.3, promise=PRICE * 1.3, size_b=8.0, scores={"quiz": 0.4})
    prior = Kinship().prior(profile)
    assert (prior.own.tolist(), prior.variance) == ([PRICE * 1.3], VARIANCE)


def test_a_price_promises_by_how_far_it_is_from_the_mean_of_those_offered() -> None:
    found = promised(cheap("one"), Action(model="two", cost_usd=0.001 * np.e))
    assert found == pytest.approx({"one": -PRICE / 2, "two": PRICE / 2})


@pytest.mark.parametrize("shared", [{"family": "ours"}, {"line": "ours-1"}])
def test_a_bad_relative_lowers_what_is_expected_and_a_stranger_does_not(shared: dict[str, str]) -> None:
    good, bad = told(PLAIN, 0.8), told(replace(PLAIN, **shared), -0.8)  # type: ignore[arg-type]
    kinship = Kinship([good, bad])
    assert mean(kinship, replace(PLAIN, **shared)) < mean(kinship, PLAIN) - 0.03  # type: ignore[arg-type]
    assert mean(kinship, replace(PLAIN, family="theirs", line="theirs-1")) == mean(kinship, PLAIN)


def test_a_model_of_the_size_of_the_good_ones_is_expected_to_be_better() -> None:
    known = [told(replace(PLAIN, size_b=size), value) for size, value in ((8.0, -0.8), (70.0, 0.8))]
    assert mean(Kinship(known), replace(PLAIN, size_b=70.0)) > mean(Kinship(known), replace(PLAIN, size_b=8.0)) + 0.03


def test_where_price_tells_nothing_less_is_made_of_it() -> None:
    known = [told(replace(PLAIN, price=price, promise=PRICE * price), 0.0) for price in (-2.0, 0.0, 2.0)]
    assert 0 < mean(Kinship(known), replace(PLAIN, price=2.0, promise=PRICE * 2.0)) < PRICE * 2.0 - 0.05


def test_what_all_models_fall_short_of_is_expected_of_the_next_one() -> None:
    assert mean(Kinship([told(PLAIN, -0.6) for _ in range(5)]), PLAIN) == pytest.approx(-0.6, abs=0.15)


def test_what_is_hardly_known_of_relatives_moves_little() -> None:
    sharp, vague = (Kinship([told(OURS, -0.8, variance=v)]) for v in (SHARP, 10.0))
    assert mean(sharp, OURS) < mean(vague, OURS) < 0


def test_a_stated_score_matters_in_proportion() -> None:
    others = (cheap("a", benchmarks=(("quiz", 0.5),)), cheap("b", benchmarks=(("quiz", 0.5),)))
    low, mid, high = (
        promised(*others, cheap("new", benchmarks=(("quiz", share),)))["new"] for share in (0.3, 0.5, 0.7)
    )
    assert mid == pytest.approx(0.0)
    assert low == pytest.approx(-high)
    assert high > 0.2


def test_a_score_that_no_other_model_states_says_nothing() -> None:
    assert promised(cheap("a"), cheap("b"), cheap("new", benchmarks=(("quiz", 0.9),)))["new"] == pytest.approx(0.0)


def test_where_scores_tell_more_than_they_promise_more_is_made_of_them() -> None:
    known = [told(replace(PLAIN, scores={"quiz": score}), 2 * score) for score in (-0.8, 0.0, 0.8)]
    assert mean(Kinship(known), replace(PLAIN, scores={"quiz": 0.8})) > 0.1


def test_a_newcomer_is_doubted_less_with_kin_but_at_least_half_as_much_as_without() -> None:
    ours = replace(OURS, line="ours-1", price=9.0, size_b=1000.0, scores={"quiz": 9.0})
    theirs = replace(PLAIN, family="theirs", line="theirs-1", price=-9.0, size_b=0.001, scores={"quiz": -9.0})
    known = [told(each, 0.0, variance=1e-9) for each in (ours, theirs) for _ in range(200)]
    assert VARIANCE / 2 <= Kinship(known).prior(ours).variance < 0.8 * VARIANCE
    assert Kinship(known[:1]).prior(ours).variance < Kinship(known[:1]).prior(PLAIN).variance


def test_what_relatives_are_good_at_is_expected_too() -> None:
    known = [Told(profile=OURS, own=np.array([0.0, 0.6]), variance=SHARP)]
    asked: Vector = np.array([1.0, 1.0, 7.0])
    assert Kinship(known).prior(OURS).logit(asked) > 0.2


# In the policy

SIZES = {"ours-8b": 0.2, "ours-70b": 0.2, "theirs": 0.9}
KNOWN = (cheap("ours-8b", family="ours"), cheap("ours-70b", family="ours"), cheap("theirs", family="theirs"))
NEW = (cheap("ours-new", family="ours"), cheap("theirs-new", family="theirs"))


def lessons(n: int, *, models: tuple[Action, ...] = KNOWN) -> list[Event]:
    """Return events of single answers, judged, of models of the qualities above."""
    rng, found = np.random.default_rng(1), []
    for _ in range(n):
        chosen = int(rng.integers(len(models)))
        good = float(rng.random() < SIZES[models[chosen].model])
        verdict = Verdict(judge="j", score=float(np.clip(0.3 + 0.4 * good + 0.1 * rng.normal(), 0, 1)))
        judgement = Judgement(quality=verdict.score or 0.0, verdicts=(verdict,))
        history = [replace(judged(models[chosen].model), judgement=judgement)]
        found.append(event(step(models, chosen), history=history, reward=good))
    return found


def policy(n: int) -> IndexPolicy:
    learner = IndexPolicy(
        IndexSpec.model_validate({"kind": "index", "name": "i", "embedding_dims": 8}),
        version=None,
        learns=lambda _: True,
    )
    learner.learn(lessons(n))
    return learner


def predicted(learner: IndexPolicy, *new: Action) -> list[float]:
    return [value or 0.0 for value in learner.pmf(state(), (*KNOWN, *new)).predicted[len(KNOWN) :]]


def test_a_newcomer_of_a_bad_house_is_thought_worse_than_one_of_a_good_house() -> None:
    ours, theirs = predicted(policy(600), *NEW)
    assert ours < theirs - 0.005


def test_a_newcomer_with_a_better_score_is_thought_better() -> None:
    learner = policy(600)
    known = tuple(replace(action, benchmarks=(("quiz", 0.5),)) for action in KNOWN)
    new = [cheap(f"new-{share}", benchmarks=(("quiz", share),)) for share in (0.4, 0.6)]
    worse, better = (value or 0.0 for value in learner.pmf(state(), (*known, *new)).predicted[len(KNOWN) :])
    assert worse < better - 0.005


def test_while_all_models_are_new_kin_says_nothing() -> None:
    ours, theirs = predicted(policy(int(SETTLED) // 2), *NEW)
    assert ours == theirs


def test_kin_says_nothing_of_one_that_was_there_from_the_start_and_is_tried_late() -> None:
    known = Knowledge(dims=8)
    profile = profiles({action.model: action for action in (*KNOWN, *NEW)}, ["ours-new"])
    known.newcomers.meet(["ours-new"], events=0.0)
    for one in lessons(600):
        known.learn(one)
    own, variance = known.priors(profile)["ours-new"].own, known.priors(profile)["ours-new"].variance
    assert (own.tolist(), variance) == ([profile["ours-new"].promise], VARIANCE)


def test_what_a_newcomer_starts_from_when_learned_is_what_was_predicted_of_it() -> None:
    known = Knowledge(dims=8)
    for one in lessons(600):
        known.learn(one)
    offered = {action.model: action for action in (*KNOWN, *NEW)}
    expected = known.priors(profiles(offered, ["ours-new"]))["ours-new"]
    unjudged = [replace(judged("ours-new"), judgement=None)]
    known.learn(event(step((*KNOWN, *NEW), 3), history=unjudged, reward=None))
    row = known.predictor.rows["ours-new"]
    assert known.predictor.own[row].tolist() == expected.own.tolist()
    assert known.predictor.doubts("ours-new", Prior()) == pytest.approx((expected.variance, expected.variance))


def test_kin_survive_a_restart() -> None:
    learner = policy(600)
    artifact = learner.dump()
    known = load(artifact, dims=8)
    assert dump(known) == artifact
    assert known.predictor.relatives["ours-8b"].profile.family == "ours"


def test_a_state_from_before_kin_were_known_is_read_and_takes_them_in() -> None:
    parts = unseal("index", policy(600).dump())
    names = json.loads(parts["names"])
    del names["relatives"]
    known = load(seal("index", {**parts, "names": json.dumps(names).encode()}), dims=8)
    assert known.predictor.relatives == {}
    for one in lessons(20):
        known.learn(one)
    assert known.predictor.relatives.keys() == SIZES.keys()
