"""Reads judged answers out of events, each with its truth where that is known; it measures nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bandit_router.judge.scale import Verdicts
from bandit_router.types import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """One judged answer: each judge's score, the panel's quality, and how good it was in truth, all in [0, 1]."""

    verdicts: Verdicts
    quality: float | None
    truth: float | None
    """Feedback on the answer served; None without any, and for answers not served."""
    model: str
    output_tokens: int
    earlier: int
    """How many answers the request had before this one."""
    preferred: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """By judge that compared it with another answer: which it preferred in each order."""


def graded(events: Iterable[Event]) -> list[Graded]:
    """Return every judged answer once, with the feedback of the latest event of its decision."""
    latest = {event.decision.id: event for event in events}
    return [each for event in latest.values() for each in _of(event)]


def _of(event: Event) -> Iterable[Graded]:
    earlier = 0
    for index, judged in enumerate(event.outcome.history):
        if judged.judgement is not None:
            yield Graded(
                verdicts={v.judge: v.score for v in judged.judgement.verdicts if v.score is not None},
                quality=judged.quality,
                truth=event.truth if index == event.outcome.served else None,
                model=judged.attempt.model,
                output_tokens=judged.attempt.output_tokens,
                earlier=earlier,
                preferred={v.judge: v.preferred for v in judged.judgement.verdicts if v.preferred},
            )
        earlier += judged.ok
