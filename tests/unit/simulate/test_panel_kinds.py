"""Judges of a known kind get the weight they deserve within 300 labels, whatever the seed."""

from __future__ import annotations

import pytest

from simulate.panel.kinds import HIGH, LOW, learned

SEEDS = range(10)


def quality(kind: str, said: float, seed: int) -> float:
    return learned(kind, seed=seed).probability({"judge": said}, fault=False, model="m", category="c")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_judge_that_is_always_right_is_believed(seed: int) -> None:
    assert (quality("right", HIGH, seed) > 0.95, quality("right", LOW, seed) < 0.05) == (True, True)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_judge_that_is_always_wrong_is_read_backwards(seed: int) -> None:
    assert (quality("wrong", HIGH, seed) < 0.05, quality("wrong", LOW, seed) > 0.95) == (True, True)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_judge_that_guesses_weighs_little_beside_a_decent_one(seed: int) -> None:
    slopes = learned("random", seed=seed).slopes
    assert abs(slopes["judge"]) < 0.25 * slopes["decent"]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_judge_that_always_says_the_same_weighs_nothing(seed: int) -> None:
    assert learned("constant", seed=seed).slopes["judge"] == pytest.approx(0.0, abs=1e-6)
