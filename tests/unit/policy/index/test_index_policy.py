import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from bandit_router.errors import CorruptArtifact
from bandit_router.policy.index.judges import LEVELS, SLOPES, TAILS
from bandit_router.policy.index.kinship import Prior
from bandit_router.policy.index.knowledge import Knowledge
from bandit_router.policy.index.policy import IndexPolicy
from bandit_router.policy.index.state import dump, load
from bandit_router.policy.sealed import seal, unseal
from bandit_router.policy.spec import IndexSpec
from bandit_router.types import Action, Event, Judged, Judgement, Verdict
from tests.unit.policy.factories import event, fleet, judged, state, step, stop

MODELS = fleet(4)
GOOD = {"m0": 0.3, "m1": 0.4, "m2": 0.9, "m3": 0.8}


def answered(model: str, score: float | None, *, judging: float = 1e-5) -> Judged:
    plain = judged(model)
    verdict = Verdict(judge="j", score=score, cost_usd=judging)
    return Judged(
        attempt=plain.attempt, judgement=None if score is None else Judgement(quality=score, verdicts=(verdict,))
    )


def policy(**keys: object) -> IndexPolicy:
    spec = IndexSpec.model_validate({"kind": "index", "name": "i", "embedding_dims": 8, **keys})
    return IndexPolicy(spec, version=None, learns=lambda event: event.decision.policy != "deaf")


def stream(n: int, *, models: Sequence[Action] = MODELS, feedback: float = 0.3) -> list[Event]:
    """Return events of single answers by models of the qualities above, each judged, some with feedback."""
    rng, events = np.random.default_rng(0), []
    for _ in range(n):
        chosen = int(rng.integers(len(models)))
        good = float(rng.random() < GOOD[models[chosen].model])
        verdict = float(np.clip(0.3 + 0.4 * good + 0.15 * rng.normal(), 0, 1))
        truth = good if rng.random() < feedback else None
        history = [answered(models[chosen].model, verdict)]
        events.append(event(step(models, chosen), history=history, reward=truth))
    return events


@pytest.fixture(scope="module")
def taught() -> IndexPolicy:
    learner = policy()
    learner.learn(stream(600))
    return learner


def test_the_best_buy_is_started_with(taught: IndexPolicy) -> None:
    assert np.argmax(taught.pmf(state(), MODELS).probs) == 2


def test_a_good_verdict_stops(taught: IndexPolicy) -> None:
    at = state(answered("m2", 0.95), steps=[step(MODELS, 2)])
    assert taught.pmf(at, (stop(), *MODELS[:2], MODELS[3])).probs[0] > 0.9


def test_a_poor_verdict_goes_on_to_a_good_model(taught: IndexPolicy) -> None:
    at = state(answered("m2", 0.02), steps=[step(MODELS, 2)])
    assert taught.pmf(at, (stop(), *MODELS[:2], MODELS[3])).probs[3] > 0.9


def test_with_one_attempt_left_a_cheap_model_that_only_prepares_for_others_is_passed_over() -> None:
    learner = policy()
    learner.learn(stream(600))
    history, steps = [answered("m2", 0.02), answered("m1", 0.02)], [step(MODELS, 2), step(MODELS, 1)]
    actions = (stop(), MODELS[0], MODELS[3])
    last = learner.pmf(replace(state(*history, steps=steps), max_attempts=3), actions)
    assert np.argmax(last.probs) == 2


def test_the_answer_most_probably_good_is_served(taught: IndexPolicy) -> None:
    at = state(answered("m2", 0.9), answered("m0", 0.1), steps=[step(MODELS, 2), step(MODELS, 0)])
    assert taught.pmf(at, (stop(), MODELS[1])).serve == 0


def test_a_failed_attempt_is_never_served(taught: IndexPolicy) -> None:
    at = state(judged("m3", status="error"), answered("m0", 0.1), steps=[step(MODELS, 3), step(MODELS, 0)])
    assert taught.pmf(at, (stop(), MODELS[1])).serve == 1


def test_with_only_failures_nothing_is_served(taught: IndexPolicy) -> None:
    at = state(judged("m3", status="error"), steps=[step(MODELS, 3)])
    assert taught.pmf(at, MODELS[:3]).serve is None


def test_every_model_under_the_ceiling_is_explored(taught: IndexPolicy) -> None:
    assert min(taught.pmf(state(), MODELS).probs) >= 0.002 - 1e-12


def test_a_model_over_the_ceiling_is_not_explored_by_the_floor() -> None:
    probs = policy().pmf(state(), (*MODELS, Action(model="dear", tier=2, cost_usd=0.02))).probs
    assert probs[-1] < 0.002


def test_judges_too_dear_are_asked_only_to_learn() -> None:
    learner = policy()
    learner.learn([event(step(MODELS, 2), history=[answered("m2", 0.5, judging=1.0)], reward=None) for _ in range(200)])
    asked = learner.pmf(state(), MODELS).judge
    assert 0.02 <= asked[2] < 0.2


def test_what_is_rarely_tried_is_looked_at_when_it_is() -> None:
    learner = policy(min_judging=0.02, judge_curiosity=0.0, min_exploration=0.0)
    learner.learn(stream(300))
    learner.learn([event(step(MODELS, 2), history=[answered("m2", 0.5, judging=1.0)], reward=None) for _ in range(50)])
    pmf = learner.pmf(state(), MODELS)
    assert pmf.judge == pytest.approx([min(0.02 / prob, 1.0) for prob in pmf.probs])
    assert max(pmf.judge) > 10 * min(pmf.judge)


def test_a_model_that_had_bad_luck_is_tried_more_than_one_found_out() -> None:
    few, many = policy(min_exploration=0.0), policy(min_exploration=0.0)
    for learner, bad in ((few, 6), (many, 300)):
        learner.learn([event(step(MODELS, 2), history=[answered("m2", 0.9)], reward=1.0) for _ in range(300)])
        learner.learn([event(step(MODELS, 3), history=[answered("m3", 0.2)], reward=0.0) for _ in range(bad)])
    assert few.pmf(state(), MODELS).probs[3] > 3 * many.pmf(state(), MODELS).probs[3]


def test_doubt_does_not_grow_while_nothing_is_told() -> None:
    known = Knowledge(dims=8)
    for one in stream(50):
        known.learn(one)
    before = known.predictor.doubts("m2", Prior())
    for _ in range(50):
        known.learn(event(step(MODELS, 2), history=[answered("m2", None)], reward=None))
    assert known.predictor.doubts("m2", Prior()) == before


def test_feedback_on_answers_not_judged_frees_predictions_from_the_panels_word() -> None:
    known = Knowledge(dims=8)
    for _ in range(30):
        known.learn(event(step(MODELS, 2), history=[answered("m2", None)], reward=1.0))
    assert known.verdicts.labels == 30


def test_a_verdict_worth_its_price_is_always_asked_for(taught: IndexPolicy) -> None:
    assert taught.pmf(state(), MODELS).judge[2] == 1.0


def test_predictions_take_off_what_was_spent(taught: IndexPolicy) -> None:
    steps = [step(MODELS, 2)]
    cheap, dear = (
        taught.pmf(state(Judged(attempt=judged("m2", cost_usd=cost).attempt), steps=steps), (stop(),)).predicted[0]
        for cost in (0.0, 0.001)
    )
    assert cheap is not None
    assert dear == pytest.approx(cheap - 0.1)


def test_feedback_that_comes_later_is_learned_like_feedback_at_once() -> None:
    at_once, later = policy(), policy()
    steps, history = [step(MODELS, 0)], [answered("m0", 0.7)]
    at_once.learn([event(*steps, history=history, reward=0.0)])
    later.learn([event(*steps, history=history, reward=None)])
    later.learn([event(*steps, history=history, reward=0.0, kind="feedback")])
    assert at_once.dump() == later.dump()


def test_a_price_rise_is_followed_before_a_bill_comes(taught: IndexPolicy) -> None:
    raised = tuple(
        Action(model=a.model, tier=a.tier, cost_usd=a.cost_usd * (20 if a.model == "m2" else 1)) for a in MODELS
    )
    assert np.argmax(taught.pmf(state(), raised).probs) == 3


def test_events_of_others_are_left_alone() -> None:
    learner = policy()
    cold = learner.dump()
    learner.learn([event(step(MODELS, 0), policy="deaf")])
    assert learner.dump() == cold


def test_models_never_called_take_no_room_but_for_their_names() -> None:
    few, many = policy(), policy()
    few.learn([event(step(MODELS, 0))])
    many.learn([event(step(fleet(200), 0))])
    assert len(many.dump()) == pytest.approx(len(few.dump()), abs=200 * 10)


def test_what_was_loaded_is_what_was_dumped(taught: IndexPolicy) -> None:
    artifact = taught.dump()
    assert dump(load(artifact, dims=8)) == artifact


@pytest.mark.parametrize("part", ["own", "told", "names", "evidence", "agreement", "ranks", "moments", "heard"])
def test_a_part_that_does_not_fit_the_others_is_refused(taught: IndexPolicy, part: str) -> None:
    parts = unseal("index", taught.dump())
    with pytest.raises(CorruptArtifact):
        load(seal("index", {**parts, part: parts[part][:-8]}), dims=8)


def test_a_state_from_before_verdicts_were_kept_for_probes_is_read(taught: IndexPolicy) -> None:
    parts = unseal("index", taught.dump())
    del parts["heard"]
    names = {name: value for name, value in json.loads(parts["names"]).items() if name != "heard"}
    assert load(seal("index", {**parts, "names": json.dumps(names).encode()}), dims=8).heard.decisions() == []


@pytest.mark.parametrize("slopes", [len(SLOPES) - 2, len(SLOPES)])
def test_a_state_from_before_judges_could_be_found_unfair_is_read(taught: IndexPolicy, slopes: int) -> None:
    parts = unseal("index", taught.dump())
    # Levels were 15 from -1.5 to 1.5, trusts .1, .2, .35, .5, .7 and 1; the first states had no low slopes.
    before = np.random.default_rng(0).normal(size=(slopes, len(TAILS), 15, 6))
    known = load(seal("index", {**parts, "evidence": before.astype("<f8").tobytes()}), dims=8).verdicts.evidence
    fair, untrusted = int(np.flatnonzero(LEVELS == 0)[0]), 0
    assert np.allclose(known[-slopes:, :, fair, untrusted], before[:, :, 7, 0])
    assert np.allclose(known[-slopes:, :, -1, -1], before[:, :, -1, -1])
    assert np.array_equal(known[0], known[len(SLOPES) - slopes])


def test_a_state_from_before_verdicts_on_one_query_were_compared_is_read(taught: IndexPolicy) -> None:
    parts = unseal("index", taught.dump())
    del parts["agreement"]
    names = {name: value for name, value in json.loads(parts["names"]).items() if name != "compared"}
    known = load(seal("index", {**parts, "names": json.dumps(names).encode()}), dims=8)
    assert np.ptp(known.verdicts.agreement.logs()) == pytest.approx(0.0)


def test_a_state_from_before_truths_were_summed_is_as_sure_as_it_was_that_they_are_a_matter_of_degree(
    taught: IndexPolicy,
) -> None:
    parts = unseal("index", taught.dump())
    names = {name: value for name, value in json.loads(parts["names"]).items() if name != "truths"}
    names["scalars"] |= {"scatter": 4.0, "expected_scatter": 20.0}
    known = load(seal("index", {**parts, "names": json.dumps(names).encode()}), dims=8)
    assert known.verdicts.dispersion == pytest.approx(0.2, abs=0.03)


def test_a_part_that_is_not_finite_is_refused() -> None:
    parts = unseal("index", dump(Knowledge(dims=8)))
    with pytest.raises(CorruptArtifact):
        load(seal("index", {**parts, "shared": np.array([np.nan]).tobytes()}), dims=8)
