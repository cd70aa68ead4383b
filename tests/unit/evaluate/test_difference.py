"""The interval of how much more one policy earns than another holds the truth, and knows what moves both alike."""

from __future__ import annotations

import numpy as np
import pytest

from bandit_router.evaluate.difference import difference, difference_of_scores
from bandit_router.evaluate.rows import Logged, Rows, read
from simulate.evaluation.worlds import Sample, World, draw, worlds

NEVER, SOMETIMES, MOSTLY, *_ = worlds()


def rows_of(sample: Sample, target_prob: np.ndarray) -> Rows:
    return read(
        Logged(reward=sample.reward, propensity=sample.propensity, target_prob=target_prob, reward_range=(0.0, 1.0))
    )


def logged_value(world: World, epsilon: float) -> float:
    greedy = world.means[np.arange(len(world.means)), world.greedy].mean()
    return float((1 - epsilon) * greedy + epsilon * world.means.mean())


@pytest.mark.parametrize("world", [NEVER, SOMETIMES, MOSTLY], ids=lambda world: world.name)
@pytest.mark.parametrize("rows", [200, 1000])
def test_the_true_difference_to_the_log_is_covered_as_often_as_nominal(world: World, rows: int) -> None:
    rng, truth, held = np.random.default_rng([7, rows]), world.truth - logged_value(world, 0.1), 0
    for _ in range(200):
        sample = draw(world, rows, epsilon=0.1, rng=rng)
        found = difference(rows_of(sample, sample.target_prob), rows_of(sample, sample.propensity))
        held += found.low <= truth <= found.high
    # Of 200 repetitions at .95, fewer than 181 happen once in a thousand times.
    assert held >= 181


def test_a_policy_differs_from_itself_by_nothing() -> None:
    sample = draw(NEVER, 500, epsilon=0.3, rng=np.random.default_rng(1))
    rows = rows_of(sample, sample.target_prob)
    found = difference(rows, rows)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_what_moves_both_alike_does_not_widen_the_difference() -> None:
    sample = draw(NEVER, 1000, epsilon=0.3, rng=np.random.default_rng(2))
    near = 0.9 * sample.target_prob + 0.1 * sample.propensity
    own = rows_of(sample, sample.target_prob)
    to_near, to_log = (difference(own, rows_of(sample, other)) for other in (near, sample.propensity))
    assert to_near.high - to_near.low < 0.2 * (to_log.high - to_log.low)


def test_turned_round_the_difference_changes_its_sign() -> None:
    sample = draw(SOMETIMES, 800, epsilon=0.3, rng=np.random.default_rng(3))
    ours, theirs = rows_of(sample, sample.target_prob), rows_of(sample, sample.propensity)
    there, back = difference(ours, theirs), difference(theirs, ours)
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low), abs=1e-4)


def test_a_target_that_did_nothing_of_what_was_logged_is_told_without_an_error() -> None:
    sample = draw(NEVER, 50, epsilon=0.3, rng=np.random.default_rng(4))
    nothing, log = rows_of(sample, np.zeros(50)), rows_of(sample, sample.propensity)
    assert difference(nothing, log).ess == 0.0


def test_scores_are_compared_in_pairs() -> None:
    rng = np.random.default_rng(5)
    theirs = rng.normal(0, 1, 400)
    found = difference_of_scores(theirs + 0.1 + rng.normal(0, 0.01, 400), theirs, ess=400)
    assert 0.095 < found.low < 0.1 < found.high < 0.105
