"""Says what no decision can have been logged with, in one place for all kinds of files; it repairs nothing."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime
from typing import Final

import numpy as np

from bandit_router.replay.record import Record
from bandit_router.types import Action, Context, Judged, Outcome, Step

MOST: Final = sys.float_info.max
LEAST: Final = sys.float_info.min
SHARE: Final = 1.0 + 1e-9
"""The most that a probability or a quality may be: rounding is no fault."""
SUM: Final = 1e-4
"""How far a pmf's sum may be from 1."""
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2106, 1, 1, tzinfo=UTC)


def check(record: Record) -> None:
    """Raise ValueError for texts, times, numbers and lengths that no decision can have; it says which."""
    decision, outcome = record.decision, record.outcome
    for what, text in (("id", decision.id), ("policy", decision.policy), ("category", decision.context.category)):
        if not isinstance(text, str):
            raise ValueError(f"{what} is {text!r}; it must be a text")
    if not EARLIEST <= decision.created_at < LATEST:
        raise ValueError(f"created_at is {decision.created_at.isoformat()}; it must be from 1970 on, before 2106")
    _flag("propensities", record.propensities)
    within("value_usd", decision.value_usd, LEAST, MOST)
    if decision.value_s is not None:
        within("value_s", decision.value_s, LEAST, MOST)
    within("latency_s", outcome.latency_s, 0.0, MOST)
    _context(decision.context)
    for step in outcome.steps:
        _step(step)
    _course(outcome)
    for said in record.feedback:
        _flag("late", said.feedback.late)
        within("score of feedback", said.feedback.score, 0.0, SHARE)
    for name, chance in record.target_probs:
        within(f"target_prob:{name}", chance, 0.0, SHARE)


def within(what: str, value: object, low: float, high: float) -> None:
    """Raise ValueError unless a value is a number in [low, high]; NaN is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        ends = {0.0: "0 or more", LEAST: "more than 0", -MOST: "finite"}[low] if high == MOST else "in [0, 1]"
        raise ValueError(f"{what} is {value!r}; it must be a number, {ends}")


def _flag(what: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{what} is {value!r}; it must be true or false")


def _context(context: Context) -> None:
    within("confidence", context.confidence, 0.0, SHARE)
    for name, value in context.surface.items():
        within(f"surface {name}", value, -MOST, MOST)
    if not np.isfinite(context.embedding).all():
        raise ValueError("embedding holds a number that is not finite")


def _step(step: Step) -> None:
    at, probs, judge = f"step {step.index}", step.pmf.probs, step.pmf.judge
    for probability in (*probs, *judge):
        within(f"a probability of {at}", probability, 0.0, SHARE)
    if abs(math.fsum(probs) - 1) > SUM:
        raise ValueError(f"the pmf of {at} sums to {math.fsum(probs):.6g}; it must sum to 1")
    if step.propensity <= 0:
        raise ValueError(f"the pmf of {at} gives what was done no chance")
    for name, values in (("judge", judge), ("predicted", step.pmf.predicted)):
        if len(values) not in (0, len(probs)):
            raise ValueError(f"{name} of {at} has {len(values)} entries for {len(probs)} actions")
    _flag(f"judged of {at}", step.judged)
    if step.judged and step.judge_propensity <= 0:
        raise ValueError(f"judge of {at} gives judging no chance, and it was to be judged")
    for action in step.actions:
        _action(action)


def _action(action: Action) -> None:
    if not isinstance(action.model, str) or isinstance(action.tier, bool) or not isinstance(action.tier, int):
        raise ValueError(f"an action is {action.model!r} of tier {action.tier!r}; it must be a text of a whole number")
    within(f"cost_usd of action {action.model}", action.cost_usd, 0.0, MOST)
    if action.size_b is not None:
        within(f"size_b of action {action.model}", action.size_b, LEAST, MOST)
    for benchmark, solved in action.benchmarks:
        within(f"{benchmark} of action {action.model}", solved, 0.0, SHARE)


def _course(outcome: Outcome) -> None:
    """Raise ValueError unless each step but a last stop led to an attempt, and one of these was served, if any."""
    steps, history, served = outcome.steps, outcome.history, outcome.served
    calls = len(steps) - (len(steps) > 1 and steps[-1].action.is_stop)
    if len(history) != calls:
        raise ValueError(f"the steps call {calls} models, and there are {len(history)} attempts")
    if served is not None and not 0 <= served < len(history):
        raise ValueError(f"served is {served}, and there are {len(history)} attempts")
    for judged in history:
        _attempt(judged)


def _attempt(judged: Judged) -> None:
    at = f"attempt {judged.attempt.index}"
    within(f"cost_usd of {at}", judged.attempt.cost_usd, 0.0, MOST)
    within(f"latency_s of {at}", judged.attempt.latency_s, 0.0, MOST)
    if judged.quality is not None:
        within(f"quality of {at}", judged.quality, 0.0, SHARE)
    for verdict in judged.judgement.verdicts if judged.judgement else ():
        within(f"cost_usd of {verdict.judge} on {at}", verdict.cost_usd, 0.0, MOST)
