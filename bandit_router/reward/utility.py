"""The reward of an event: quality less what it cost in units of the dial; it knows nothing of policies."""

from __future__ import annotations

from typing import Final

from bandit_router.types import Event

LOW: Final = -1.0
HIGH: Final = 1.0


def utility(quality: float, cost_usd: float, value_usd: float) -> float:
    """Return `quality - cost_usd / value_usd`, clipped to [-1, 1].

    >>> round(utility(0.9, 0.002, 0.01), 6)
    0.7
    >>> utility(0.9, 1.0, 0.01)
    -1.0
    """
    return min(max(quality - cost_usd / value_usd, LOW), HIGH)


def quality_of(event: Event) -> float | None:
    """Return the served answer's quality in [0, 1]: explicit feedback where there is any, else the panel's, else None.

    A request in which every model failed gave the user nothing: quality 0, observed.
    """
    if event.outcome.served is None:
        return 0.0
    return event.feedback if event.feedback is not None else event.outcome.quality


def reward(event: Event) -> float | None:
    """Return the event's reward in [-1, 1], or None when its quality was not observed (never zero for that)."""
    quality = quality_of(event)
    if quality is None:
        return None
    return utility(quality, event.outcome.cost_usd, event.decision.value_usd)
