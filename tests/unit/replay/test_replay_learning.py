"""Targets that learn while they are replayed: the same by seed, and right where the right answer is known."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bandit_router.errors import BadRequest
from bandit_router.policy.spec import KINDS, Spec
from bandit_router.replay import run
from bandit_router.replay.answer import Question
from bandit_router.replay.course import Course
from bandit_router.replay.files import write_records
from bandit_router.replay.learning import replay_learning
from bandit_router.replay.log import LogAt
from bandit_router.replay.record import Record
from bandit_router.replay.run import Plan
from bandit_router.replay.taken import Taken, learning_courses
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


def test_learning_from_the_log_holds_a_page_of_it_at_a_time(
    live: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    def counted(*arguments: Any, **options: Any) -> Iterator[tuple[Course, Record]]:
        for number, pair in enumerate(learning_courses(*arguments, **options)):
            if number % 40 == 39:
                held.append(sum(isinstance(one, Course) for one in gc.get_objects()))
            yield pair

    monkeypatch.setattr(run, "GROUP", 40)
    monkeypatch.setattr(run, "learning_courses", counted)
    list(write_records(tmp_path / "log.jsonl", live[:400]))
    plan = Plan(question=Question(), max_attempts=3)
    gc.collect()
    before = sum(isinstance(one, Course) for one in gc.get_objects())
    found = run.replay_apart(LogAt(place=str(tmp_path / "log.jsonl")), target("log"), plan, keep=False)
    whole = [course.weight for course, _ in learning_courses(target("log"), live[:400], max_attempts=3)]
    assert isinstance(found, Taken)
    np.testing.assert_allclose(found.weight, whole)
    assert max(held) - before <= 2 * 40


@pytest.mark.parametrize("learning", ["rejection", "dr_ns"])
def test_a_log_too_long_to_be_held_is_refused(
    live: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learning: Learning
) -> None:
    monkeypatch.setattr(run, "HELD_LIMIT", 99)
    list(write_records(tmp_path / "log.jsonl", live[:100]))
    with pytest.raises(BadRequest, match=f"--learning {learning} holds every decision in memory and takes 99 at most"):
        run.replay(LogAt(place=str(tmp_path / "log.jsonl")), [target(learning)], Plan(question=Question()))
