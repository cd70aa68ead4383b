"""Replays policies that learn from what they would have done themselves; deterministic by seed.

A decision of the log is taken over, and learned from, with a probability in proportion to how much likelier it was
under the policy as it stood: what is taken over is then as if the policy had acted itself. `rejection` averages the
rewards of those (Li et al., 2011, for any logging policy); `dr_ns` averages a doubly robust score of every decision,
those it passes over included (Dudik, Erhan, Langford and Li, 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.evaluate.intervals import clipped, mean_interval
from bandit_router.evaluate.result import Estimate
from bandit_router.evaluate.slope import Moments
from bandit_router.replay.course import Course, walk
from bandit_router.replay.facts import Facts, facts_of
from bandit_router.replay.record import Record
from bandit_router.replay.sequence import fit
from bandit_router.replay.taken import Taken, learn, of_courses
from bandit_router.replay.targets import Target
from bandit_router.replay.weights import Rates, Seen, reward_rows
from bandit_router.reward.utility import HIGH, LOW

Vector = NDArray[np.float64]
_QUANTILE: Final = 0.95
"""Weights above this quantile of those so far are taken over for certain, and then count for more."""
_MOST: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """How a learning target fared: its value, how many decisions it took over, and the course of its rewards."""

    reward: Estimate
    taken_over: int
    late: Estimate
    """Over the second half of the log: what it earns once it has learned."""
    facts: Facts
    taken: Taken


def replay_learning(target: Target, records: Sequence[Record], *, max_attempts: int | None, seed: int) -> Learned:
    """Replay a target over records in order, in two passes: what it does as it learns, then what that earned."""
    courses, accepted, factor = _courses(target, records, max_attempts=max_attempts, seed=seed)
    facts = facts_of(records)
    seen, whole = Seen.of(facts, Rates.of(facts)), of_courses(courses, keep=True)
    rows = reward_rows(facts, seen, whole)
    full = whole.weight if whole.full is None else whole.full
    if target.learning == "rejection":
        # Taken over with its judging, so that what divides is the target's own probability of having been judged.
        own = np.divide(whole.weight, full, out=np.zeros(len(full)), where=full > 0)
        # What was taken over for certain, being likelier still, stands for as many as it should have.
        values, weights = rows.reward, accepted * seen.inverse * own * np.maximum(1.0, factor * full)
    else:
        fitted = fit(records, courses, rows, seen, seed=seed)
        values, weights = fitted.scores, factor
    half = len(records) // 2
    return Learned(
        reward=_mean(values, weights),
        taken_over=int(accepted.sum()),
        late=_mean(values[half:], weights[half:]),
        facts=facts,
        taken=replace(whole, courses=None),
    )


def _courses(
    target: Target, records: Sequence[Record], *, max_attempts: int | None, seed: int
) -> tuple[list[Course], NDArray[np.bool_], Vector]:
    """Return each decision's course under the policy as it stood, which were taken over, and the factor in use then."""
    policy, learners = target.policy()
    rng = np.random.default_rng(seed)
    courses: list[Course] = []
    accepted, factor = np.zeros(len(records), dtype=bool), np.zeros(len(records))
    weights: list[float] = []
    scale = 0.0
    for number, record in enumerate(records):
        course = walk(policy, record.event, max_attempts=max_attempts)
        courses.append(course)
        weights.append(course.full)
        if number % 50 == 0:
            heavy = float(np.quantile(weights[-2000:], _QUANTILE))
            scale = min(_MOST, 1 / heavy) if heavy > 0 else _MOST
        factor[number] = scale
        if rng.random() < scale * course.full:
            accepted[number] = True
            learn(learners, record)
    return courses, accepted, factor


def _mean(values: Vector, weights: Vector) -> Estimate:
    """Return the weighted mean with an interval of its influence."""
    total = float(weights.sum())
    if total <= 0:
        return Estimate(value=0.0, low=LOW, high=HIGH, n=0, ess=0.0)
    mean = float(weights @ values) / total
    influence = mean + len(values) / total * weights * (values - mean)
    moments = Moments(total=float(influence.sum()), square=float(influence @ influence), n=len(influence))
    ends = (float(influence.min()), float(influence.max()))
    low, high = clipped(mean_interval(moments, ends, 0.05), mean, (LOW, HIGH))
    ess = total**2 / float(weights @ weights)
    return Estimate(value=mean, low=low, high=high, n=len(values), ess=ess)
