"""What is learned from and what has been learned: feedback, events, versions; no rules live here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from bandit_router.types.decisions import Decision, Outcome

EventKind = Literal["finished", "feedback", "changed"]


PromotionKind = Literal["promoted", "refused", "rolled_back", "released"]


ExperimentEventKind = Literal["started", "ramped", "stopped", "rolled_back"]


AUDIT: Final = "audit"
"""Why an answer is queued for review that chance picked; every other reason is a doubt about the answer."""


FeedbackKind = Literal["score", "thumbs", "label", "retry", "edit_distance", "copied", "review"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What was said or done about an answer: `score` in [0, 1] is what it stands for; `id` makes it idempotent."""

    id: str
    decision_id: str
    score: float
    received_at: datetime
    label: str | None = None
    comment: str | None = None
    kind: FeedbackKind = "score"
    late: bool = False
    """Arrived after the feedback window: kept, not learned from."""
    queued_for: str = ""
    """Of a review, as read in an event: why its answer was in the queue; empty where nobody queued it."""

    @property
    def is_sign(self) -> bool:
        """True for what only hints at the truth."""
        return self.kind in ("retry", "edit_distance", "copied")


def only_signs(heard: Sequence[Feedback]) -> bool:
    """Return whether something was heard of an answer, and nothing of it is ground truth."""
    return bool(heard) and all(feedback.is_sign for feedback in heard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """What one reviewer thought of one answer: `score` and the panel's `quality` in [0, 1]; `reason` queued it."""

    decision_id: str
    reviewer: str
    score: float
    reason: str
    quality: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A decision joined with its reward: the unit of learning and evaluation.

    An event of kind `finished` carries what the judges said; one of kind `feedback` repeats the decision with the
    feedback known so far. `seq` is its place in the journal, the order in which every learner sees events.
    """

    seq: int
    kind: EventKind
    decision: Decision
    outcome: Outcome
    feedback: float | None = None
    """What the feedback known so far comes to, in [0, 1]; None before any."""
    signs_only: bool = False
    """The feedback holds no ground truth: only signs, weighed with what the judges said."""
    heard: tuple[Feedback, ...] = ()
    """All that the feedback is made of, as the store has it; none in events that were not read from there."""
    model: str = ""
    """With kind `changed`, which only learners see: the model whose answers are no longer what was learned of them."""

    @property
    def truth(self) -> float | None:
        """The feedback where it is ground truth: judges must not be measured by what they themselves said."""
        return None if self.signs_only else self.feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An immutable state of a learning policy with its lineage; `cursor` is the last journal seq it learned."""

    policy: str
    number: int
    artifact: bytes
    checksum: str
    """Hex SHA-256 of `artifact`."""
    cursor: int
    events: int
    """How many events this version has learned since its first."""
    spec_hash: str
    parent: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One decision on which version of a policy serves: by the gate, or by somebody who rolled back or released."""

    policy: str
    number: int
    """The version decided on; 0 is the state before anything was learned."""
    kind: PromotionKind
    at: datetime
    by: str
    """Who did it; `gate` for the service itself."""
    reason: str
    over: int | None = None
    """The version that served before; None where none was chosen yet."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """Of the comparison of the two: `value`, `low`, `high` of the difference, `decisions`, `effective`, `seconds`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Which version of a policy serves; a pinned one goes on until it is released."""

    policy: str
    number: int
    pinned: bool
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentEvent:
    """One thing that happened to an experiment; `number` counts from 1, so that no two writers can both be next."""

    experiment: str
    number: int
    kind: ExperimentEventKind
    share: float
    """Of the eligible units, from now on."""
    at: datetime
    by: str
    """Who did it; `automatic` for the service itself."""
    reason: str = ""
    spec: Mapping[str, Any] | None = None
    """The experiment as it was started, in the form of its file; only with the first event."""
