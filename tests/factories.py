"""Makes decisions, outcomes and feedback for tests, the same from the same arguments; it draws nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bandit_router.types import (
    STOP,
    Action,
    Attempt,
    Completion,
    Context,
    Decision,
    Event,
    Feedback,
    Judged,
    Judgement,
    Outcome,
    Pmf,
    Step,
    Verdict,
)

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
MODELS = (
    Action(model="small", tier=0, cost_usd=0.0001),
    Action(model="medium", tier=1, cost_usd=0.001),
    Action(model="large", tier=2, cost_usd=0.01, fuses=True),
)


def make_context(number: int = 0, *, category: str = "maths", dim: int = 8, **changes: Any) -> Context:
    """Return a context whose embedding depends on `number`."""
    embedding = np.random.default_rng(number).normal(size=dim).astype(np.float32)
    given: dict[str, Any] = {
        "category": category,
        "confidence": 0.1 + 0.2,
        "surface": {"length": number / 7, "code": 0.0},
        "embedding": embedding / np.linalg.norm(embedding),
        "key": f"context-{number}",
    }
    return Context(**(given | changes))


def make_step(index: int = 0, *, model: str = "small", version: str = "1", **changes: Any) -> Step:
    """Return a step that draws `model`, or `stop`, which is there to be drawn from the second step on."""
    actions = (*MODELS, Action(model=STOP)) if index else MODELS
    others = 0.1
    chosen = [action.model for action in actions].index(model)
    probs = tuple(1 - others * (len(actions) - 1) if i == chosen else others for i in range(len(actions)))
    predicted = (None, *(i / 3 for i in range(1, len(actions))))
    given: dict[str, Any] = {
        "index": index,
        "actions": actions,
        "pmf": Pmf(probs=probs, predicted=predicted),
        "chosen": chosen,
        "policy": "vw_cb",
        "version": version,
    }
    return Step(**(given | changes))


def make_decision(number: int = 0, *, id: str | None = None, model: str = "small", **changes: Any) -> Decision:
    """Return decision `number`, which starts with `model`; ids sort like numbers."""
    given: dict[str, Any] = {
        "id": id or f"decision-{number:06}",
        "created_at": START + timedelta(seconds=number),
        "context": make_context(number),
        "policy": "live",
        "version": "live@1",
        "value_usd": 0.01,
        "step": make_step(model=model),
        "tenant": "",
    }
    return Decision(**(given | changes))


def make_judged(index: int = 0, *, model: str = "small", quality: float | None = 0.7, **changes: Any) -> Judged:
    """Return an attempt that answered, judged by two judges of which one failed."""
    tier = next(action.tier for action in MODELS if action.model == model)
    message = {"role": "assistant", "content": f"the answer of {model}"}
    completion = Completion(
        message=message, finish_reason="stop", input_tokens=11, output_tokens=22, cost_usd=0.001 / 3, model=model
    )
    given: dict[str, Any] = {
        "index": index,
        "model": model,
        "tier": tier,
        "status": "ok",
        "cost_usd": completion.cost_usd,
        "latency_s": 0.1 + index,
        "completion": completion,
        "input_tokens": 11,
        "output_tokens": 22,
    }
    verdicts = (
        Verdict(judge="rules", score=quality, latency_s=0.001, reason=f"{model} looks fine"),
        Verdict(judge="llm", score=None, cost_usd=0.1 / 3000, latency_s=0.5, error="timed out", grader="openai/m"),
        Verdict(judge="pairwise", score=None, skipped="abstained", reason="no second answer", prompt="pairwise-1"),
        Verdict(judge="rival", score=0.5, prompt="pairwise-1", preferred=(1, 1)),
        Verdict(judge="kin", score=quality, grader="anthropic/m", prompt="pointwise-2", own_family=True),
    )
    return Judged(attempt=Attempt(**(given | changes)), judgement=Judgement(quality=quality, verdicts=verdicts))


def make_failed(index: int = 0, *, model: str = "small", status: str = "timeout", error: str = "too slow") -> Judged:
    """Return an attempt that failed."""
    return Judged(
        attempt=make_judged(
            index,
            model=model,
            status=status,
            error=error,
            completion=None,
            cost_usd=0.0,
            input_tokens=0,
            output_tokens=0,
        ).attempt
    )


def make_outcome(
    decision: Decision | int = 0, *, quality: float | None = 0.7, models: tuple[str, ...] = (), **changes: Any
) -> Outcome:
    """Return the outcome of a decision that tried `models` (the one it drew, by default) and served the last."""
    decision = make_decision(decision) if isinstance(decision, int) else decision
    models = models or (decision.step.action.model,)
    later = [make_step(i, model=model) for i, model in enumerate((*models[1:], STOP), start=1)]
    given: dict[str, Any] = {
        "decision_id": decision.id,
        "finished_at": decision.created_at + timedelta(seconds=1),
        "status": "ok",
        "steps": (decision.step, *later),
        "history": tuple(make_judged(i, model=model, quality=quality) for i, model in enumerate(models)),
        "served": len(models) - 1,
        "latency_s": 1.25,
    }
    return Outcome(**(given | changes))


def make_feedback(number: int = 0, *, decision: Decision | int = 0, score: float = 1.0, **changes: Any) -> Feedback:
    """Return feedback `number` on a decision."""
    decision = make_decision(decision) if isinstance(decision, int) else decision
    given: dict[str, Any] = {
        "id": f"feedback-{number:06}",
        "decision_id": decision.id,
        "score": score,
        "received_at": decision.created_at + timedelta(minutes=1, seconds=number),
    }
    return Feedback(**(given | changes))


def make_event(number: int = 0, *, seq: int | None = None, feedback: float | None = None, **changes: Any) -> Event:
    """Return the event of decision `number`; `changes` go to its outcome."""
    decision = make_decision(number)
    kind = "finished" if feedback is None else "feedback"
    return Event(
        seq=number + 1 if seq is None else seq,
        kind=kind,  # type: ignore[arg-type]
        decision=decision,
        outcome=make_outcome(decision, **changes),
        feedback=feedback,
        heard=() if feedback is None else (make_feedback(number, decision=decision, score=feedback),),
    )
