"""Means of few answers lean on wider ones."""

import pytest

from bandit_router.policy.averages import Averages


def test_nothing_known_is_half() -> None:
    assert Averages(shrinkage=10).quality("code", "m0") == 0.5


def test_a_category_leans_on_its_model_as_far_as_it_has_few_answers() -> None:
    averages = Averages(shrinkage=10)
    for _ in range(1000):
        averages.learn("chat", "m0", 0.9)
    few = averages.quality("code", "m0")
    for _ in range(1000):
        averages.learn("code", "m0", 0.1)
    assert few == pytest.approx(0.9, abs=0.02)
    assert averages.quality("code", "m0") == pytest.approx(0.1, abs=0.02)


def test_a_new_model_starts_from_the_others() -> None:
    averages = Averages(shrinkage=10)
    for _ in range(1000):
        averages.learn("chat", "m0", 0.8)
    assert averages.quality("chat", "new") == pytest.approx(0.8, abs=0.02)


def test_answers_are_counted_by_category() -> None:
    averages = Averages(shrinkage=10)
    averages.learn("chat", "m0", 0.8)
    averages.learn("chat", "m1", 0.8)
    assert (averages.answers("chat"), averages.answers("code")) == (2, 0)
