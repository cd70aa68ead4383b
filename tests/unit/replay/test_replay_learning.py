"""Targets that learn while they are replayed: the same by seed, and right where the right answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from bandit_router.policy.spec import KINDS, Spec
from bandit_router.replay.learning import replay_learning
from bandit_router.replay.record import Record
from bandit_router.replay.taken import learning_courses
from bandit_router.replay.targets import Learning, Target
from simulate.replaying.world import log_of, specs

LEARNER: dict[str, Spec] = {
    "vw": KINDS["vw_cb"].model_validate(
        {"kind": "vw_cb", "name": "vw", "climb": "thresholds", "thresholds": 0.55, "min_exploration": 0.1}
    )
}


@pytest.fixture(scope="module")
def live() -> list[Record]:
    return log_of("live", rows=1500, seed=3)[0]


def target(learning: Learning) -> Target:
    return Target(name="vw", kind="vw_cb", specs=LEARNER, learning=learning)


@pytest.mark.parametrize("learning", ["rejection", "dr_ns"])
def test_a_replay_is_the_same_by_seed(live: list[Record], learning: Learning) -> None:
    once, again, other = (
        replay_learning(target(learning), live[:500], max_attempts=3, seed=seed) for seed in (1, 1, 2)
    )
    assert once.reward == again.reward
    assert once.taken_over == again.taken_over
    assert once.reward != other.reward


@pytest.mark.parametrize("learning", ["rejection", "dr_ns"])
def test_a_policy_that_learns_nothing_earns_what_it_earns(live: list[Record], learning: Learning) -> None:
    level = Target(name="level", kind="learned", specs=specs(), learning=learning)
    true = log_of("level", rows=20_000, seed=77)[1]
    learned = replay_learning(level, live, max_attempts=3, seed=1)
    truth = float((true.quality - true.cost_usd / 0.01).mean())
    assert learned.taken_over > 100
    assert learned.reward.low <= truth <= learned.reward.high


def test_learning_from_the_log_weighs_each_decision_before_it_is_learned(live: list[Record]) -> None:
    first = [course.weight for course, _ in learning_courses(target("log"), live[:300], max_attempts=3)]
    more = [course.weight for course, _ in learning_courses(target("log"), live[:400], max_attempts=3)]
    np.testing.assert_array_equal(first, more[:300])
    assert np.std(more) > 0
