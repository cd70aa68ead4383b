"""Finds the one decision an event teaches: the start that led to the first answer; it computes no reward."""

from __future__ import annotations

from bandit_router.types import Event, Step


def starting_step(event: Event) -> Step | None:
    """Return the step whose attempt was the first to answer, the first step when none did; None when it is unusable.

    Failed models are left out of the blame: an outage says nothing of how good a model's answers are.
    """
    outcome = event.outcome
    answered = (step for step, judged in zip(outcome.steps, outcome.history, strict=False) if judged.ok)
    step = next(answered, outcome.steps[0] if outcome.steps else event.decision.step)
    sound = 0 <= step.chosen < min(len(step.actions), len(step.pmf.probs)) and 0 < step.propensity <= 1
    return step if sound and not step.action.is_stop else None
