"""A model of what is still to come, fitted to logged cascades step by step from the last; doubly robust with it.

At each depth a ridge regression, one for each action and cross-fitted, learns the reward still to come under the
target: the logged one after a last step, the model's own below (fitted Q evaluation). The doubly robust sequence then
corrects it by what was logged (Jiang and Li, 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.evaluate.intervals import clipped, mean_interval
from bandit_router.evaluate.result import Estimate
from bandit_router.evaluate.rows import Rows
from bandit_router.evaluate.slope import Moments
from bandit_router.replay.course import Course
from bandit_router.replay.record import Record
from bandit_router.replay.weights import Seen
from bandit_router.types import STOP

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_DIMS: Final = 16
_CATEGORIES: Final = 20
_RIDGE: Final = 3.0
_FOLDS: Final = 3
_ENOUGH: Final = 30
"""Fewer rewards than this at a depth are predicted by their mean."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """What the model says of n decisions: at their starts, under the target and of what was done; and, corrected step
    by step, each decision's doubly robust score."""

    predicted: Vector
    logged: Vector
    scores: Vector

    def estimate(self, rows: Rows, *, alpha: float = 0.05) -> Estimate:
        """Return the mean score with Student's interval."""
        scores = self.scores
        moments = Moments(total=float(scores.sum()), square=float(scores @ scores), n=len(scores))
        interval = mean_interval(moments, (float(scores.min()), float(scores.max())), alpha)
        low, high = clipped(interval, moments.mean, (rows.low, rows.high))
        return Estimate(value=moments.mean, low=low, high=high, n=rows.n, ess=rows.ess)


def fit(records: Sequence[Record], courses: Sequence[Course], rows: Rows, seen: Seen, *, seed: int) -> Fitted:
    """Fit the model of a target's reward to records and correct it.

    A decision is never corrected by a model that has seen it, at any depth: its fold is left out of the whole sequence.
    """
    context, names = _contexts(records), _actions(records)
    deepest = max(len(course.turns) for course in courses)
    levels = [_level(records, courses, depth, names) for depth in range(deepest)]
    features = [
        np.hstack([context[level.at], _histories(records, level.at, depth)]) for depth, level in enumerate(levels)
    ]
    fold = np.random.default_rng(seed).permutation(len(records)) % _FOLDS
    whole = _Below.nothing(len(records))
    for left_out in range(_FOLDS):
        below = _Below.nothing(len(records))
        for level, known in zip(reversed(levels), reversed(features), strict=True):
            goal = np.where(
                level.last, np.where(seen.known[level.at], rows.reward[level.at], np.nan), below.value[level.at]
            )
            q_hat = _predict(known, level.done, np.where(fold[level.at] == left_out, np.nan, goal), actions=len(names))
            below = level.judged(q_hat, seen, rows.reward, below)
        whole.take(below, fold == left_out)
    return Fitted(predicted=whole.value, logged=whole.logged, scores=whole.score)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Below:
    """What was found at a depth, of all n decisions: scores, values and predictions of what was done; and how much a
    score counts whose judging was drawn before it: 1 on average."""

    score: Vector
    value: Vector
    logged: Vector
    counts: Vector

    @classmethod
    def nothing(cls, n: int) -> _Below:
        return cls(score=np.zeros(n), value=np.zeros(n), logged=np.zeros(n), counts=np.ones(n))

    def take(self, other: _Below, which: NDArray[np.bool_]) -> None:
        """Put some decisions of another in the place of these."""
        for mine, theirs in ((self.score, other.score), (self.value, other.value), (self.logged, other.logged)):
            mine[which] = theirs[which]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Level:
    """The m steps at one depth: whose they are, what was done, its ratio, and how the answer before came to be judged.

    Where judging was drawn, what comes of stopping is only known if the judges were asked, and is averaged over what
    the target would have done unasked; what comes of going on is weighed by the draw itself.
    """

    at: NDArray[np.intp]
    last: NDArray[np.bool_]
    done: NDArray[np.intp]
    stop: int
    propensity: Vector
    plain: Matrix
    mixed: Matrix
    side: Vector
    sampled: NDArray[np.bool_]
    heard: NDArray[np.bool_]
    chance: Vector

    def judged(self, q_hat: Matrix, seen: Seen, reward: Vector, below: _Below) -> _Below:
        """Return the doubly robust scores and values of these steps, the rest as it was below."""
        at, row = self.at, np.arange(len(self.at))
        stops = self.done == self.stop
        counts = np.where(self.sampled, np.where(self.heard, 1 / self.chance, 0.0), 1.0)
        counts = np.where(self.sampled & self.last & stops, seen.inverse[at], counts)
        weights = self.plain * self.side[:, None]
        ratio = self.plain[row, self.done] * self.side / self.propensity
        if self.stop >= 0:
            weights[:, self.stop] = counts * self.mixed[:, self.stop]
            ratio = np.where(stops, self.mixed[:, self.stop] / self.propensity, ratio)
        of_logged = q_hat[row, self.done]
        ahead = below.score[at] - below.counts[at] * of_logged
        ahead = np.where(self.last, seen.inverse[at] * (reward[at] - of_logged), ahead)
        scores = np.einsum("ij,ij->i", weights, q_hat) + ratio * ahead
        value = np.where(self.sampled & ~self.heard, np.nan, np.einsum("ij,ij->i", self.mixed, q_hat))
        found = _Below(
            score=below.score.copy(), value=below.value.copy(), logged=below.logged.copy(), counts=below.counts.copy()
        )
        found.score[at], found.value[at], found.logged[at], found.counts[at] = scores, value, of_logged, counts
        return found


def _level(records: Sequence[Record], courses: Sequence[Course], depth: int, names: dict[str, int]) -> _Level:
    at = np.array([i for i, course in enumerate(courses) if len(course.turns) > depth])
    plain, mixed = np.zeros((len(at), len(names))), np.zeros((len(at), len(names)))
    steps = [records[i].outcome.steps[depth] for i in at]
    turns = [courses[i].turns[depth] for i in at]
    for row, (step, turn) in enumerate(zip(steps, turns, strict=True)):
        places = [names[action.model] for action in step.actions]
        plain[row, places], mixed[row, places] = turn.full_probs, turn.mixed
    before = [records[i].outcome.history[depth - 1] if depth else None for i in at]
    led = [records[i].outcome.steps[depth - 1].judge_propensity if depth else 1.0 for i in at]
    return _Level(
        at=at,
        last=np.array([len(courses[i].turns) == depth + 1 for i in at]),
        done=np.array([names[step.action.model] for step in steps]),
        stop=names.get(STOP, -1),
        propensity=np.array([step.propensity for step in steps]),
        plain=plain,
        mixed=mixed,
        side=np.array([turn.full_side for turn in turns]),
        sampled=np.array([turn.sampled for turn in turns]),
        heard=np.array([judged is not None and judged.judgement is not None for judged in before]),
        chance=np.array([chance or 1.0 for chance in led]),
    )


def _actions(records: Sequence[Record]) -> dict[str, int]:
    found: dict[str, int] = {}
    for record in records:
        for step in record.outcome.steps:
            for action in step.actions:
                found.setdefault(action.model, len(found))
    return found


def _contexts(records: Sequence[Record]) -> Matrix:
    """Return what is known before a start: category, confidence, surface, embedding, dial (n, d)."""
    counts: dict[str, int] = {}
    for record in records:
        category = record.decision.context.category
        counts[category] = counts.get(category, 0) + 1
    common = {name: i for i, name in enumerate(sorted(counts, key=lambda name: (-counts[name], name))[:_CATEGORIES])}
    surface = sorted({name for record in records for name in record.decision.context.surface})
    width = len(common) + len(surface) + 2 + _DIMS
    found = np.zeros((len(records), width))
    for row, record in zip(found, records, strict=True):
        context = record.decision.context
        if context.category in common:
            row[common[context.category]] = 1.0
        offset = len(common)
        row[offset : offset + len(surface)] = [context.surface.get(name, 0.0) for name in surface]
        offset += len(surface)
        row[offset], row[offset + 1] = context.confidence, np.log(record.decision.value_usd)
        leading = context.embedding[:_DIMS]
        row[offset + 2 : offset + 2 + len(leading)] = leading
    return np.nan_to_num(found)


def _histories(records: Sequence[Record], at: NDArray[np.intp], depth: int) -> Matrix:
    """Return what was found so far: answers, the best and last quality, whether it is known, what was spent (m, 5)."""
    found = np.zeros((len(at), 5))
    for row, i in zip(found, at, strict=True):
        record = records[i]
        history = record.outcome.history[:depth]
        known = [judged.quality for judged in history if judged.quality is not None]
        last = history[-1].quality if history else None
        spent = sum(judged.cost_usd for judged in history) / record.decision.value_usd
        row[:] = (len(history), max(known, default=0.5), 0.5 if last is None else last, last is None, min(spent, 5.0))
    return found


def _predict(features: Matrix, done: NDArray[np.intp], goal: Vector, *, actions: int) -> Matrix:
    """Return the goal predicted for every action (m, k), by what is known of it; NaN is not."""
    known = ~np.isnan(goal)
    if known.sum() < _ENOUGH:
        return np.full((len(goal), actions), float(goal[known].mean()) if known.any() else 0.0)
    found = Ridge(actions).fit(features[known], done[known], goal[known]).predict(features)
    return np.clip(found, goal[known].min(), goal[known].max())


class Ridge:
    """One ridge regression for each action."""

    def __init__(self, actions: int) -> None:
        self._actions = actions

    def fit(self, X: Matrix, taken: NDArray[np.intp], y: Vector) -> Ridge:
        """Learn rewards (n,) of actions (n,) in contexts (n, d); one never taken is predicted as all have in common."""
        self._mean, self._spread = X.mean(axis=0), X.std(axis=0) + 1e-9
        design = self._design(X)
        everyone = _solve(design, y, np.zeros(design.shape[1]))
        self._weights = np.stack(
            [_solve(design[taken == a], y[taken == a], everyone) for a in range(self._actions)], axis=1
        )
        return self

    def predict(self, X: Matrix) -> Matrix:
        """Return predictions of every action (n, k)."""
        found: Matrix = self._design(X) @ self._weights
        return found

    def _design(self, base: Matrix) -> Matrix:
        scaled = np.clip((base - self._mean) / self._spread, -5, 5)
        return np.hstack([np.ones((len(base), 1)), scaled])


def _solve(design: Matrix, y: Vector, towards: Vector) -> Vector:
    """Return the weights of a ridge regression that is pulled towards given ones."""
    pull = np.full(design.shape[1], _RIDGE)
    found: Vector = towards + np.linalg.solve(
        design.T @ design + np.diag(pull), design.T @ (y - design @ towards) if len(y) else np.zeros(len(towards))
    )
    return found
