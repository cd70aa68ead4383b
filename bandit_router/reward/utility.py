"""The reward of an event: quality less the money and time it took, in units of the dials; it knows no policy."""

from __future__ import annotations

from typing import Final

from bandit_router.types import Event

LOW: Final = -1.0
HIGH: Final = 1.0


def utility(
    quality: float, cost_usd: float, value_usd: float, *, latency_s: float = 0.0, value_s: float | None = None
) -> float:
    """Return `quality - cost_usd / value_usd - latency_s / value_s`, clipped to [-1, 1].

    Without `value_s` time costs nothing.

    >>> round(utility(0.9, 0.002, 0.01), 6)
    0.7
    >>> round(utility(0.9, 0.002, 0.01, latency_s=3.0, value_s=30.0), 6)
    0.6
    >>> utility(0.9, 1.0, 0.01)
    -1.0
    """
    waited = latency_s / value_s if value_s else 0.0
    return min(max(quality - cost_usd / value_usd - waited, LOW), HIGH)


def quality_of(event: Event) -> float | None:
    """Return the served answer's quality in [0, 1]: what feedback says where there is any, else the panel's, else None.

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
    decision, outcome = event.decision, event.outcome
    return utility(quality, outcome.cost_usd, decision.value_usd, latency_s=outcome.latency_s, value_s=decision.value_s)
