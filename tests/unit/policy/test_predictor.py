"""Quality is predicted by model and context, and what little is known of one model leans on the others."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from bandit_router.policy.predictor import Predictor
from bandit_router.types import Action
from tests.unit.policy.factories import context, fleet

FLEET = fleet(3)


def taught(n: int = 600) -> Predictor:
    """Return a predictor taught that code is hard, but for m2, and that the dear m2 is better in all."""
    predictor, rng = Predictor(dims=8), random.Random(0)
    for _ in range(n):
        category, place = rng.choice(["code", "chat"]), rng.randrange(3)
        quality = 0.9 if place == 2 else 0.7 if category == "chat" else 0.2
        predictor.learn(context(category, seed=rng.randrange(99)), FLEET[place], quality)
    return predictor


def test_before_the_first_answer_everything_is_half_good() -> None:
    assert Predictor(dims=8).qualities(context(), list(FLEET)) == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(("category", "expected"), [("code", (0.2, 0.2, 0.9)), ("chat", (0.7, 0.7, 0.9))])
def test_models_are_told_apart_by_category(category: str, expected: tuple[float, ...]) -> None:
    assert taught().qualities(context(category), list(FLEET)) == pytest.approx(expected, abs=0.1)


def test_a_new_model_is_expected_to_find_hard_what_the_others_do() -> None:
    predictor, new = taught(), Action(model="new", tier=0, cost_usd=0.0001)
    assert predictor.quality(context("code"), new) < predictor.quality(context("chat"), new) - 0.1


def test_predictions_stay_within_zero_and_one() -> None:
    predictor = Predictor(dims=8)
    for _ in range(200):
        predictor.learn(context("code"), FLEET[0], 1.0)
    assert 0.9 < predictor.quality(replace(context("code"), surface={"length": 50.0}), FLEET[0]) <= 1.0


def test_a_broken_embedding_does_not_poison_what_is_learned() -> None:
    predictor = taught(50)
    broken = replace(context(), embedding=np.full(8, np.nan, dtype=np.float32), surface={"length": math.inf})
    predictor.learn(broken, FLEET[0], 0.5)
    assert all(map(math.isfinite, predictor.qualities(context(), list(FLEET))))


def test_a_state_comes_back_to_the_bit_and_goes_on_alike() -> None:
    predictor = taught(80)
    again = Predictor.load(predictor.dump(), dims=8)
    for one in (predictor, again):
        one.learn(context("new category"), Action(model="new", tier=0, cost_usd=0.001), 0.3)
    assert again.dump() == predictor.dump()
