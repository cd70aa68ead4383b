"""One request of an experiment's log as the analysis needs it, and many of them as columns; it reads no log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.experiment.covariates import Requests
from bandit_router.experiment.sample import Vector
from bandit_router.experiment.spec import Labels
from bandit_router.experiment.trial import Trial
from bandit_router.reward.feedback import combine
from bandit_router.reward.utility import reward
from bandit_router.types import AUDIT, Event, Feedback, Outcome

Texts = NDArray[np.str_]

EMBEDDING_DIMS: Final = 64
"""More of an embedding says hardly more, and there may be very many requests."""
_DAY_S: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the analysis needs of one request; a hundredth of its event, as there may be very many."""

    id: str
    parent: str | None
    arm: str
    unit: str
    at: datetime
    category: str
    surface: Mapping[str, float]
    embedding: NDArray[np.float32]
    quality: float
    offset: float
    cost_usd: float
    latency_s: float
    failed: bool
    refused: bool
    label: float
    stand_in_weight: float
    stand_in_sum: float


def to_row(event: Event, labels: Labels = "random") -> Row:
    """Return what is needed of an event; `labels` says what of the feedback is of answers picked at random."""
    decision, outcome = event.decision, event.outcome
    weight, total = _stands_for(outcome)
    return Row(
        id=decision.id,
        parent=decision.parent,
        arm=decision.arm or "",
        unit=decision.unit or "",
        at=decision.created_at,
        category=decision.context.category,
        surface=decision.context.surface,
        embedding=decision.context.embedding[:EMBEDDING_DIMS].astype(np.float32),
        quality=_judged(outcome),
        offset=_offset(event),
        cost_usd=outcome.cost_usd,
        latency_s=outcome.latency_s,
        failed=outcome.status == "failed",
        refused=any(judged.attempt.status == "refused" for judged in outcome.history),
        label=_label(event, labels),
        stand_in_weight=weight,
        stand_in_sum=total,
    )


def to_trial(names: Sequence[str], rows: Iterable[Row], *, start: datetime) -> tuple[Trial, list[Row]]:
    """Return the rows of the arms named as columns without covariates, and as rows, in the order the requests came."""
    arms = {name: number for number, name in enumerate(names)}
    taken = sorted((row for row in rows if row.arm in arms), key=lambda row: row.at)
    trial = Trial(
        arm=np.array([arms[row.arm] for row in taken], dtype=np.intp),
        unit=_texts([row.unit for row in taken]),
        day=_floats([(row.at - start).total_seconds() / _DAY_S for row in taken]),
        category=_texts([row.category for row in taken]),
        quality=_floats([row.quality for row in taken]),
        offset=_floats([row.offset for row in taken]),
        cost_usd=_floats([row.cost_usd for row in taken]),
        latency_s=_floats([row.latency_s for row in taken]),
        failed=_floats([row.failed for row in taken]),
        refused=_floats([row.refused for row in taken]),
        label=_floats([row.label for row in taken]),
        stand_in_weight=_floats([row.stand_in_weight for row in taken]),
        stand_in_sum=_floats([row.stand_in_sum for row in taken]),
        covariates=np.empty((len(taken), 0)),
    )
    return trial, taken


def _judged(outcome: Outcome) -> float:
    """Return what the judges said of the answer served; 0 where none was."""
    if outcome.served is None:
        return 0.0
    return np.nan if outcome.quality is None else outcome.quality


def _label(event: Event, labels: Labels) -> float:
    """Return what people said of the answer served, whatever the judges said of it; NaN where that is nothing."""
    told = [each for each in event.heard if _at_random(each, labels)]
    said = combine(told, None) if event.outcome.served is not None else None
    return np.nan if said is None else said


def _at_random(heard: Feedback, labels: Labels) -> bool:
    """Return whether feedback is ground truth of an answer that nobody picked for what it is."""
    if labels == "audits":
        return heard.queued_for == AUDIT
    return not heard.is_sign and heard.queued_for in ("", AUDIT)


def _offset(event: Event) -> float:
    """Return what the request cost in units of the dial: its reward, were the answer half good, less that half."""
    told = reward(replace(event, feedback=0.5))
    return (told or 0.0) - (0.0 if event.outcome.served is None else 0.5)


def _stands_for(outcome: Outcome) -> tuple[float, float]:
    """Return for how many answers that were not judged those judged here stand, and the sum of their qualities."""
    weight = total = 0.0
    for step, judged in zip(outcome.steps, outcome.history, strict=False):
        asked = step.judge_propensity
        if judged.quality is not None and 0 < asked < 1:
            weight += (1 - asked) / asked
            total += (1 - asked) / asked * judged.quality
    return weight, total


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Which numbers of a context are looked at; those that a request lacks are 0."""

    names: tuple[str, ...] = ()
    dims: int = 0

    def requests(self, rows: Sequence[Row]) -> Requests:
        """Return the requests as columns: the surface's numbers by name, the leading ones of the embedding."""
        surface, embedding = np.zeros((len(rows), len(self.names))), np.zeros((len(rows), self.dims))
        for number, row in enumerate(rows):
            surface[number] = [row.surface.get(name, 0.0) for name in self.names]
            leading = row.embedding[: self.dims]
            embedding[number, : len(leading)] = leading
        return Requests(
            surface=surface,
            embedding=embedding,
            category=_texts([row.category for row in rows]),
            unit=_texts([row.unit for row in rows]),
            quality=_floats([row.quality for row in rows]),
            offset=_floats([row.offset for row in rows]),
        )


def shape_of(rows: Sequence[Row]) -> Shape:
    """Return what the contexts of these requests have."""
    names = {name for row in rows for name in row.surface}
    return Shape(names=tuple(sorted(names)), dims=max((len(row.embedding) for row in rows), default=0))


def _floats(values: Sequence[float]) -> Vector:
    return np.array(values, dtype=np.float64)


def _texts(values: Sequence[str]) -> Texts:
    return np.array(values, dtype=np.str_)
