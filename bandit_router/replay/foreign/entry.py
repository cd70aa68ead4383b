"""What every foreign log comes down to, a choice among models and what came of it, as a record; it parses no format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from bandit_router.replay.record import Record, Said
from bandit_router.types import (
    Action,
    Attempt,
    AttemptStatus,
    Context,
    Decision,
    Feedback,
    Judged,
    Outcome,
    Pmf,
    Step,
)

POLICY: Final = "imported"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request of a foreign log: what could be done, with what probabilities, what was done and what came of it.

    `probs` is None where it was not logged; then `actions` holds what was done alone. `score` in [0, 1] is None where
    nobody graded the answer; `surface` are numbers for the context.
    """

    id: str
    at: datetime
    actions: tuple[Action, ...]
    chosen: int
    probs: tuple[float, ...] | None = None
    messages: tuple[Mapping[str, Any], ...] = ()
    category: str = UNKNOWN
    surface: Mapping[str, float] | None = None
    status: AttemptStatus = "ok"
    error: str | None = None
    cost_usd: float = 0.0
    latency_s: float = 0.0
    tokens: tuple[int, int] = (0, 0)
    score: float | None = None
    tenant: str = ""
    session: str | None = None


def priced(expected_usd: Mapping[str, float]) -> tuple[Action, ...]:
    """Return models at what they may be expected to cost; the tier of each is the number of lower prices."""
    prices = sorted(set(expected_usd.values()))
    return tuple(Action(model=name, tier=prices.index(usd), cost_usd=usd) for name, usd in expected_usd.items())


def record(entry: Entry, seq: int, *, value_usd: float, context: Context | None = None) -> Record:
    """Return the record of an entry, of one call that was served and not judged; its score is feedback.

    A `context` built of the messages is given the entry's own category, where there is one.
    """
    step = Step(
        index=0,
        actions=entry.actions,
        pmf=Pmf(probs=entry.probs or (1.0,), judge=(0.0,) * len(entry.actions)),
        chosen=entry.chosen,
        policy=POLICY,
        version="0",
        judged=False,
    )
    decision = Decision(
        id=entry.id,
        created_at=entry.at,
        context=_context(entry, context),
        policy=POLICY,
        version="0",
        value_usd=value_usd,
        step=step,
        tenant=entry.tenant,
        session=entry.session,
    )
    ok = entry.status == "ok"
    outcome = Outcome(
        decision_id=entry.id,
        finished_at=entry.at,
        status="ok" if ok else "failed",
        steps=(step,),
        history=(Judged(attempt=_attempt(entry)),),
        served=0 if ok else None,
        latency_s=entry.latency_s,
    )
    return Record(
        seq=2 * seq - 1,
        decision=decision,
        outcome=outcome,
        feedback=_said(entry, 2 * seq),
        propensities=entry.probs is not None,
    )


def _attempt(entry: Entry) -> Attempt:
    action = entry.actions[entry.chosen]
    return Attempt(
        index=0,
        model=action.model,
        tier=action.tier,
        status=entry.status,
        error=entry.error,
        cost_usd=entry.cost_usd,
        latency_s=entry.latency_s,
        input_tokens=entry.tokens[0],
        output_tokens=entry.tokens[1],
    )


def _said(entry: Entry, seq: int) -> tuple[Said, ...]:
    if entry.score is None:
        return ()
    feedback = Feedback(id=f"{entry.id}-score", decision_id=entry.id, score=entry.score, received_at=entry.at)
    return (Said(seq=seq, feedback=feedback),)


def _context(entry: Entry, built: Context | None) -> Context:
    said = json.dumps([entry.messages, entry.category, dict(entry.surface or {})], sort_keys=True, default=str)
    known = entry.category != UNKNOWN
    if built is None:
        return Context(
            category=entry.category,
            confidence=1.0 if known else 0.0,
            surface=entry.surface or {},
            embedding=np.zeros(0, dtype=np.float32),
            key=hashlib.sha256(said.encode()).hexdigest()[:32],
        )
    return Context(
        category=entry.category if known else built.category,
        confidence=1.0 if known else built.confidence,
        surface={**built.surface, **(entry.surface or {})},
        embedding=built.embedding,
        key=built.key,
    )
