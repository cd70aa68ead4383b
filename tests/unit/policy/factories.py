"""Makes states, actions and events in one line each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from bandit_router.types import (
    STOP,
    Action,
    Attempt,
    AttemptStatus,
    Context,
    Decision,
    Event,
    EventKind,
    Judged,
    Judgement,
    Outcome,
    Pmf,
    State,
    Step,
)

NOW = datetime(2025, 1, 1, tzinfo=UTC)
VALUE = 0.01


def stop() -> Action:
    return Action(model=STOP)


def fleet(n: int, *, per_tier: int = 2) -> tuple[Action, ...]:
    """Return n models, two a tier, each dearer than the one before."""
    return tuple(Action(model=f"m{i}", tier=i // per_tier, cost_usd=0.0001 * (i + 1)) for i in range(n))


def context(category: str = "code", *, dim: int = 8, seed: int = 0) -> Context:
    vector = np.random.default_rng(seed).normal(size=dim).astype(np.float32)
    embedding = (vector / np.linalg.norm(vector)).astype(np.float32)
    return Context(category=category, confidence=0.8, surface={"length": 0.3}, embedding=embedding, key=str(seed))


def judged(
    model: str = "m0",
    *,
    tier: int = 0,
    quality: float | None = 0.5,
    status: AttemptStatus = "ok",
    cost_usd: float = 0.0001,
) -> Judged:
    attempt = Attempt(index=0, model=model, tier=tier, status=status, cost_usd=cost_usd, latency_s=0.1)
    return Judged(attempt=attempt, judgement=Judgement(quality=quality) if status == "ok" else None)


def state(*history: Judged, steps: Sequence[Step] = (), ctx: Context | None = None) -> State:
    return State(context=ctx or context(), value_usd=VALUE, history=history, steps=tuple(steps))


def step(actions: Sequence[Action], chosen: int, *, probs: Sequence[float] | None = None, policy: str = "p") -> Step:
    even = [1 / len(actions)] * len(actions)
    pmf = Pmf(probs=tuple(probs or even))
    return Step(index=0, actions=tuple(actions), pmf=pmf, chosen=chosen, policy=policy, version="0")


def event(
    *steps: Step,
    history: Sequence[Judged] | None = None,
    reward: float | None = 1.0,
    ctx: Context | None = None,
    policy: str = "p",
    kind: EventKind = "finished",
) -> Event:
    """Return an event whose reward is carried as its feedback; `reward_of` reads it back."""
    tried = tuple(history) if history is not None else (judged(steps[0].action.model, tier=steps[0].action.tier),)
    decision = Decision(
        id="d",
        created_at=NOW,
        context=ctx or context(),
        policy=policy,
        version="0",
        value_usd=VALUE,
        step=steps[0],
    )
    served = next((index for index, one in enumerate(tried) if one.ok), None)
    outcome = Outcome(
        decision_id="d",
        finished_at=NOW,
        status="failed" if served is None else "ok",
        steps=steps,
        history=tried,
        served=served,
        latency_s=0.1,
    )
    return Event(seq=1, kind=kind, decision=decision, outcome=outcome, feedback=reward)


def reward_of(event: Event) -> float | None:
    return event.feedback
