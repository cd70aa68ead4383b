"""Finds what an event teaches: its start, its answers and which was served; it computes no reward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bandit_router.types import Event, Judged, Step


def starting_step(event: Event) -> Step | None:
    """Return the step whose attempt was the first to answer, the first step when none did; None when it is unusable.

    Failed models are left out of the blame: an outage says nothing of how good a model's answers are.
    """
    outcome = event.outcome
    answered = (step for step, judged in zip(outcome.steps, outcome.history, strict=False) if judged.ok)
    step = next(answered, outcome.steps[0] if outcome.steps else event.decision.step)
    return step if sound(step) and not step.action.is_stop else None


def sound(step: Step) -> bool:
    """Return whether a step as logged can have been drawn at all."""
    return 0 <= step.chosen < min(len(step.actions), len(step.pmf.probs)) and 0 < step.propensity <= 1


def answers(event: Event) -> Iterator[tuple[Step, Judged]]:
    """Yield every attempt that answered, with the step that led to it."""
    for step, judged in zip(event.outcome.steps, event.outcome.history, strict=False):
        if judged.ok and sound(step):
            yield step, judged


def spent(history: Sequence[Judged], *, value_usd: float, value_s: float | None) -> float:
    """Return what attempts took in money and in time, judges included, in units of the dials."""
    money = sum(judged.cost_usd for judged in history) / value_usd
    return money + (sum(judged.latency_s for judged in history) / value_s if value_s else 0.0)


def served(event: Event) -> Judged | None:
    """Return the attempt whose answer was served, None when every model failed."""
    index = event.outcome.served
    return None if index is None else event.outcome.history[index]
