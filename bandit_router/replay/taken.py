"""What a target would have made of a log's decisions, as arrays that add up; it knows no estimator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit_router.errors import BadRequest
from bandit_router.policy.load import PINNED
from bandit_router.protocols import LearningPolicy
from bandit_router.replay.course import Course, served_last, walk
from bandit_router.replay.record import Record
from bandit_router.replay.targets import Target
from bandit_router.types import Event

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taken:
    """A target's weights over n decisions; see `Course`. What is None is the same as what it is said beside.

    `courses` keeps each decision's steps, for models of what is still to come, where that was asked for.
    """

    weight: Vector
    full: Vector | None = None
    """None: as `weight`."""
    cost_usd: Vector | None = None
    """None: as logged."""
    full_cost_usd: Vector | None = None
    """None: as logged."""
    bound: float = 1.0
    lost: float = 0.0
    """Summed over decisions."""
    lost_rows: int = 0
    courses: tuple[Course, ...] | None = None


def chosen(records: Iterable[Record]) -> list[Record]:
    """Return the decisions that a policy took: not those whose client named the model."""
    return [record for record in records if record.decision.policy != PINNED]


def taken(target: Target, records: Sequence[Record], *, max_attempts: int | None, keep: bool) -> Taken:
    """Return what a target that does not change would have made of records."""
    if target.column:
        weight = np.array([_carried(target.name, record) for record in records])
        return Taken(weight=weight, bound=float(weight.max(initial=1.0)))
    policy, _ = target.policy()
    return of_courses([walk(policy, record.event, max_attempts=max_attempts) for record in records], keep=keep)


def itself(records: Sequence[Record]) -> Taken | None:
    """Return the logging policy as a target of its own log; None where no judging was drawn, so that all weights are 1.

    Where judging was drawn and the judged answer might have been climbed from, those seen to be served are fewer of the
    bad ones than were served; an answer that was not judged is always served.
    """
    parts = [_itself(record.event) for record in records]
    if all(weight == 1.0 and cost is None for weight, cost in parts):
        return None
    return Taken(
        weight=np.array([weight for weight, _ in parts]),
        full=np.ones(len(parts)),
        cost_usd=np.array([np.nan if cost is None else cost for _, cost in parts]),
        bound=max(weight for weight, _ in parts),
    )


def _itself(event: Event) -> tuple[float, float | None]:
    """Return a decision's weight, and its cost with the judges of the answer served as often as they were asked."""
    served, steps = event.outcome.served, event.outcome.steps
    if served is None or not served_last(event):
        return 1.0, None
    asked, judgement = steps[served].judge_propensity, event.outcome.history[served].judgement
    if not 0 < asked < 1 or judgement is None:
        return 1.0, None
    stop = steps[-1].propensity if len(steps) > served + 1 else 1.0
    served_at_all = asked * stop + (1 - asked)
    cost = event.outcome.cost_usd - judgement.cost_usd * (1 - asked * stop / served_at_all)
    return served_at_all / stop, cost


def of_courses(courses: Sequence[Course], *, keep: bool) -> Taken:
    """Return courses as arrays."""
    lost = [course.lost for course in courses]
    return Taken(
        weight=np.array([course.weight for course in courses]),
        full=np.array([course.full for course in courses]),
        cost_usd=np.array([course.cost_usd for course in courses]),
        full_cost_usd=np.array([course.full_cost_usd for course in courses]),
        bound=max((course.bound for course in courses), default=1.0),
        lost=sum(lost),
        lost_rows=sum(part > 1e-9 for part in lost),
        courses=tuple(courses) if keep else None,
    )


def learning_courses(
    target: Target, records: Iterable[Record], *, max_attempts: int | None
) -> Iterator[tuple[Course, Record]]:
    """Yield each decision with its course under a target that has learned from all that was logged before it."""
    policy, learners = target.policy()
    for record in records:
        yield walk(policy, record.event, max_attempts=max_attempts), record
        learn(learners, record)


def learn(learners: Sequence[LearningPolicy], record: Record) -> None:
    """Teach a decision with all that was said of it."""
    for event in record.events():
        for learner in learners:
            learner.learn((event,))


def joined(parts: Sequence[Taken]) -> Taken:
    """Return parts one after the other; all were taken in the same way."""
    first = parts[0]

    def column(name: str) -> Vector | None:
        if all(getattr(part, name) is None for part in parts):
            return None
        return np.concatenate([_or_default(part, name) for part in parts])

    def _or_default(part: Taken, name: str) -> Vector:
        value: Vector | None = getattr(part, name)
        return part.weight if value is None and name == "full" else value if value is not None else _nan(part)

    courses = [part.courses for part in parts]
    return Taken(
        weight=np.concatenate([part.weight for part in parts]) if len(parts) > 1 else first.weight,
        full=column("full"),
        cost_usd=column("cost_usd"),
        full_cost_usd=column("full_cost_usd"),
        bound=max(part.bound for part in parts),
        lost=sum(part.lost for part in parts),
        lost_rows=sum(part.lost_rows for part in parts),
        courses=None if any(c is None for c in courses) else tuple(one for c in courses if c for one in c),
    )


def joined_or_none(parts: Sequence[tuple[Taken | None, int]]) -> Taken | None:
    """Return parts of the logging policy one after the other, with the decisions each has; None where all are None."""
    if all(part is None for part, _ in parts):
        return None
    return joined([Taken(weight=np.ones(n)) if part is None else part for part, n in parts])


def _nan(part: Taken) -> Vector:
    """Stand for costs as logged, which only the facts know."""
    return np.full(len(part.weight), np.nan)


def _carried(name: str, record: Record) -> float:
    chances = dict(record.target_probs)
    if name not in chances:
        known = ", ".join(sorted(chances)) or "none"
        raise BadRequest(f"the log carries no probabilities of {name!r} (it has: {known}); give its policy file")
    logged = 1.0
    for step in record.outcome.steps:
        logged *= step.propensity
    return chances[name] / logged
