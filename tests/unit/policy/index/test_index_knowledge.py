import math
from dataclasses import replace

import pytest

from bandit_router.policy.index.knowledge import Knowledge
from bandit_router.policy.index.predictor import WEIGHTS
from bandit_router.types import Judged, Judgement, Verdict
from tests.unit.policy.factories import event, fleet, judged, step

MODELS = fleet(2)


def verdict(model: str, score: float) -> Judged:
    said = Judgement(quality=score, verdicts=(Verdict(judge="j", score=score),))
    return Judged(attempt=judged(model).attempt, judgement=said)


def loading_after(*scores: float) -> float:
    known, history = Knowledge(dims=8), [verdict(f"m{i}", score) for i, score in enumerate(scores)]
    known.learn(event(*(step(MODELS, i) for i in range(len(scores))), history=history, reward=None))
    return known.predictor.loading


def neutral() -> float:
    """Return the verdict that leaves the odds of an answer as they were."""
    verdicts, low, high = Knowledge(dims=8).verdicts, 0.02, 0.98
    good = Knowledge(dims=8).good(1.0)
    for _ in range(60):
        middle = (low + high) / 2
        score = verdicts.score(Judgement(quality=middle))
        assert score is not None
        low, high = (middle, high) if verdicts.log_likelihood(score, good)[len(good) // 2] < 0 else (low, middle)
    return low


def after_a_poor_probe(*, parent: str | None, beside: float) -> float:
    """Return how good a model is thought that answered a probe poorly, beside a user's answer of such a verdict."""
    known = Knowledge(dims=8)
    served = event(step(MODELS, 0), history=[verdict("m0", beside)], reward=None)
    known.learn(served)
    probe = event(step(MODELS, 1), history=[verdict("m1", 0.05)], reward=None)
    known.learn(replace(probe, decision=replace(probe.decision, kind="probe", parent=parent or served.decision.id)))
    return float(known.predictor.own[known.predictor.rows["m1"]][0])


COLD = Knowledge(dims=8).predictor.loading


@pytest.mark.parametrize("logit", [-0.5, 0.0, 1.5])
def test_a_shift_in_level_moves_what_is_predicted_over_all_difficulties_by_so_much(logit: float) -> None:
    known = Knowledge(dims=8)
    before = float(WEIGHTS @ known.good(logit))
    known.verdicts.level = 0.3
    after = float(WEIGHTS @ known.good(logit))
    assert math.log(after / (1 - after)) - math.log(before / (1 - before)) == pytest.approx(0.3, rel=0.1)


def test_failures_go_together_more_after_two_poor_verdicts() -> None:
    assert loading_after(0.05, 0.05) > COLD


def test_failures_go_together_less_after_a_poor_verdict_and_a_good_one() -> None:
    assert loading_after(0.05, 0.95) < COLD


def test_a_poor_answer_to_a_hard_request_says_less_against_a_model_than_one_to_an_easy_request() -> None:
    unknown = after_a_poor_probe(parent="another", beside=0.98)
    easy, hard = (after_a_poor_probe(parent=None, beside=score) for score in (0.98, 0.02))
    assert easy < unknown < hard


@pytest.mark.parametrize("first", [0.02, 0.3, 0.98])
def test_the_first_verdict_which_decides_whether_more_is_tried_says_nothing_of_what_goes_together(first: float) -> None:
    assert loading_after(first, neutral()) == pytest.approx(COLD, abs=5e-4)
