"""The verbs of the router: the narrow interfaces that stages, providers and stores fulfil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bandit_router.types import (
    Action,
    Case,
    ChatRequest,
    Completion,
    Context,
    Decision,
    Event,
    Feedback,
    Model,
    Outcome,
    Pmf,
    State,
    Verdict,
    Version,
)


class Embedder(Protocol):
    """Turns text into vectors."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    async def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Return L2-normalised vectors of shape (len(texts), dim); raise `EmbeddingFailed` when that cannot be done."""


class ContextBuilder(Protocol):
    """Turns a request into what a policy may look at."""

    async def build(self, request: ChatRequest, /) -> Context:
        """Return the context of the whole conversation."""


@runtime_checkable
class Policy(Protocol):
    """Chooses among actions; immutable while it serves."""

    @property
    def name(self) -> str:
        """The spec's name."""

    @property
    def version(self) -> str:
        """Identifies the learned state; '0' for a policy that learns nothing."""

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return P(action | state), exact and summing to 1; `actions` is never empty."""


class Pupil(Protocol):
    """Has state that it learns from events, deterministically given their order."""

    def learn(self, events: Sequence[Event], /) -> None:
        """Learn from events in order, each once."""

    def dump(self) -> bytes:
        """Return the whole learned state; loading it gives bit-equal predictions and continued learning."""


@runtime_checkable
class Forgetful(Protocol):
    """Can trust less in what it learned of one model, so that what comes next counts for more."""

    def forget(self, model: str, /) -> None:
        """Take note that a model's answers are no longer what they were; nothing happens when it is not known."""


@runtime_checkable
class LearningPolicy(Policy, Pupil, Protocol):
    """A policy that learns."""


class Provider(Protocol):
    """Calls models."""

    async def complete(self, model: Model, request: ChatRequest, /, *, timeout_s: float) -> Completion:
        """Return the model's answer with its cost in USD; raise `ProviderError` for every way a call can fail."""


class Judge(Protocol):
    """Grades one answer."""

    @property
    def name(self) -> str:
        """Unique within a panel."""

    @property
    def cost_usd(self) -> float:
        """Expected price of a verdict in USD."""

    async def grade(self, case: Case, /, *, timeout_s: float) -> Verdict:
        """Return a verdict within `timeout_s`.

        A judge that fails says so in `Verdict.error`, one that has nothing to go by in `Verdict.skipped`; none raises.
        """


class DecisionLog(Protocol):
    """Appends what happened; each call returns once it is durable and raises `StoreUnavailable` otherwise."""

    async def decided(self, decision: Decision, /) -> None:
        """Commit a decision."""

    async def finished(self, outcome: Outcome, /) -> None:
        """Commit how a decision ended, and enter it into the journal."""

    async def feedback(self, feedback: Feedback, /) -> bool:
        """Append feedback; False when its id is known already. Raise `UnknownDecision` for a decision that is not."""


class EventSource(Protocol):
    """Reads the journal."""

    def read(self, cursor: int, /, *, limit: int) -> Sequence[Event]:
        """Return the events with `seq > cursor`, oldest first, at most `limit`."""


class VersionStore(Protocol):
    """Keeps the learned states of policies."""

    def latest(self, policy: str, /, *, below: int | None = None) -> Version | None:
        """Return the newest version (numbered under `below`) whose artifact matches its checksum, or None."""

    def newest_number(self, policies: Sequence[str], /) -> Mapping[str, int]:
        """Return the newest number of each policy that has one, sound or not."""

    def publish(self, version: Version, /) -> None:
        """Make a version visible to every serving process."""
