"""The rules of a cascade, pure: what may be done next, and which answer is served; it calls nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bandit_router.types import STOP, Action, Judged, Outcome, State

UNKNOWN_QUALITY: Final = 0.5
"""Where an answer that could not be judged ranks among those that were."""
FUSABLE: Final = 2
"""How many answers there must be to make one of."""
_STOP: Final = Action(model=STOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one request. Failed calls count against the deadline only."""

    max_attempts: int = 8
    """How many answers may be judged."""
    max_cost_usd: float | None = None
    min_quality: float | None = None
    """While the best answer is judged below this, stopping is not offered as long as a model is left."""
    deadline_s: float = 120.0
    judge: bool = True
    """False for a request that names its model: nothing hangs on the verdict."""


def next_actions(
    candidates: Sequence[Action], history: Sequence[Judged], limits: Limits, *, elapsed_s: float = 0.0
) -> tuple[Action, ...]:
    """Return what may be done next: untried models within the limits, and `stop` once there is an answer.

    Empty means that nothing is left and nothing was answered.
    """
    answered = [judged for judged in history if judged.ok]
    over = elapsed_s >= limits.deadline_s or len(answered) >= max(limits.max_attempts, 1)
    untried = () if over else _affordable(candidates, history, limits, answers=len(answered))
    if not answered:
        return untried
    if untried and _must_go_on(answered, limits):
        return untried
    return (_STOP, *untried)


def served(history: Sequence[Judged], preferred: int | None = None) -> int | None:
    """Return the index of the answer to serve: the policy's own choice, else the best judged, the later among equals.

    None when none answered.
    """
    if preferred is not None and 0 <= preferred < len(history) and history[preferred].ok:
        return preferred
    answers = [index for index, judged in enumerate(history) if judged.ok]
    return max(answers, key=lambda index: (_rank(history[index]), index), default=None)


def concluded(decision_id: str, final: State, *, finished_at: datetime, latency_s: float) -> Outcome:
    """Return how a decision ended whose cascade came to this state."""
    last = final.steps[-1]
    index = served(final.history, last.pmf.serve if last.action.is_stop else None)
    return Outcome(
        decision_id=decision_id,
        finished_at=finished_at,
        status="failed" if index is None else "ok",
        steps=final.steps,
        history=final.history,
        served=index,
        latency_s=latency_s,
    )


def _affordable(
    candidates: Sequence[Action], history: Sequence[Judged], limits: Limits, *, answers: int
) -> tuple[Action, ...]:
    tried = {judged.attempt.model for judged in history}
    left = float("inf")
    if limits.max_cost_usd is not None:
        left = limits.max_cost_usd - sum(judged.cost_usd for judged in history)
    return tuple(
        action
        for action in candidates
        if action.model not in tried and action.cost_usd <= left and (answers >= FUSABLE or not action.fuses)
    )


def _must_go_on(answered: Sequence[Judged], limits: Limits) -> bool:
    known = [judged.quality for judged in answered if judged.quality is not None]
    return limits.min_quality is not None and bool(known) and max(known) < limits.min_quality


def _rank(judged: Judged) -> float:
    return UNKNOWN_QUALITY if judged.quality is None else judged.quality
