"""Turns nouns into rows and rows back into nouns, bit for bit; it runs no query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from bandit_router.store import text
from bandit_router.store.text import LogText
from bandit_router.types import (
    Action,
    Attempt,
    Context,
    Decision,
    Feedback,
    Judged,
    Judgement,
    Outcome,
    Pmf,
    Shadow,
    Step,
    Verdict,
)

Row = Mapping[str, Any]

_FLOAT32: Final = np.dtype("<f4")


def decision_row(decision: Decision, log_text: LogText) -> Row:
    """Return the row of `decisions`; its step is a row of its own."""
    context = decision.context
    return {
        "id": decision.id,
        "created_at": decision.created_at,
        "tenant": text.clean(decision.tenant),
        "session": text.clean_or_none(decision.session),
        "policy": decision.policy,
        "version": decision.version,
        "value_usd": decision.value_usd,
        "category": context.category,
        "confidence": context.confidence,
        "surface": {name: float(number) for name, number in context.surface.items()},
        "embedding": np.asarray(context.embedding).astype(_FLOAT32).tobytes(),
        "context_key": context.key,
        "prompt": text.conversation(decision.messages, log_text),
        "value_s": decision.value_s,
        "experiment": decision.experiment,
        "arm": decision.arm,
        "unit": decision.unit,
        "user_hash": decision.user_hash,
        "kind": decision.kind,
        "parent": decision.parent,
    }


def step_row(decision_id: str, step: Step) -> Row:
    """Return the row of `steps`."""
    return {
        "decision_id": decision_id,
        "idx": step.index,
        "policy": step.policy,
        "version": step.version,
        "actions": [_action_row(action) for action in step.actions],
        "pmf": [float(p) for p in step.pmf.probs],
        "predicted": [None if p is None else float(p) for p in step.pmf.predicted],
        "chosen": int(step.chosen),
        "propensity": float(step.propensity),
        "judge": [float(p) for p in step.pmf.judge],
        "judged": step.judged,
        "serve": step.pmf.serve,
    }


def _action_row(action: Action) -> Row:
    """Return an action without what is not known of its model, as there may be hundreds of them in a step."""
    told = {name: getattr(action, name) for name in ("fuses", "family", "line", "size_b") if getattr(action, name)}
    told |= {"benchmarks": dict(action.benchmarks)} if action.benchmarks else {}
    return {"model": action.model, "tier": action.tier, "cost_usd": float(action.cost_usd), **told}


def _to_action(row: Row) -> Action:
    return Action(**{**row, "benchmarks": tuple(row["benchmarks"].items())} if "benchmarks" in row else row)


def outcome_row(outcome: Outcome) -> Row:
    """Return the row of `outcomes`, with the sums that SQL readers want."""
    return {
        "decision_id": outcome.decision_id,
        "finished_at": outcome.finished_at,
        "status": outcome.status,
        "served": outcome.served,
        "quality": outcome.quality,
        "cost_usd": outcome.cost_usd,
        "latency_s": outcome.latency_s,
    }


def attempt_row(decision_id: str, judged: Judged, log_text: LogText) -> Row:
    """Return the row of `attempts`."""
    attempt = judged.attempt
    return {
        "decision_id": decision_id,
        "idx": attempt.index,
        "model": attempt.model,
        "tier": attempt.tier,
        "status": attempt.status,
        "error": text.error(attempt.error, log_text),
        "input_tokens": attempt.input_tokens,
        "output_tokens": attempt.output_tokens,
        "provider_model": text.clean(attempt.provider_model),
        "system_fingerprint": text.clean_or_none(attempt.system_fingerprint),
        "cost_usd": attempt.cost_usd,
        "latency_s": attempt.latency_s,
        "judged": judged.judgement is not None,
        "quality": judged.quality,
        "answer": text.answer(attempt.completion.message if attempt.completion else None, log_text),
    }


def judgement_rows(decision_id: str, judged: Judged, log_text: LogText) -> list[Row]:
    """Return the rows of `judgements`, one a verdict, in the panel's order."""
    return [
        {
            "decision_id": decision_id,
            "attempt_idx": judged.attempt.index,
            "idx": idx,
            "judge": text.clean(verdict.judge),
            "score": verdict.score,
            # Why a judge said nothing is in its own words, which quote nothing.
            "reason": verdict.reason if verdict.skipped else text.reason(verdict.reason, log_text),
            "error": text.error(verdict.error, log_text),
            "cost_usd": verdict.cost_usd,
            "latency_s": verdict.latency_s,
            "skipped": verdict.skipped,
            "grader": text.clean(verdict.grader),
            "prompt": verdict.prompt,
            "own_family": verdict.own_family,
            "preferred": list(verdict.preferred),
        }
        for idx, verdict in enumerate(judged.judgement.verdicts if judged.judgement else ())
    ]


def feedback_row(feedback: Feedback, log_text: LogText) -> Row:
    """Return the row of `feedback`."""
    return {
        "id": text.clean(feedback.id),
        "decision_id": text.clean(feedback.decision_id),
        "score": feedback.score,
        "label": text.clean_or_none(feedback.label),
        "comment": text.remark(feedback.comment, log_text),
        "received_at": feedback.received_at,
        "late": feedback.late,
        "kind": feedback.kind,
    }


def review_row(outcome: Outcome, reason: str, *, wanted: int) -> Row:
    """Return the row of `reviews`."""
    return {
        "decision_id": outcome.decision_id,
        "reason": reason,
        "queued_at": outcome.finished_at,
        "wanted": wanted,
        "escalated": False,
    }


def shadow_rows(decision: Decision) -> list[Row]:
    """Return the rows of `shadows`."""
    kept = ("decision_id", "policy", "version", "actions", "pmf", "predicted", "chosen", "propensity")
    found: list[Row] = []
    for shadow in decision.shadows:
        row = step_row(decision.id, shadow.step)
        found.append({"arm": shadow.arm} | {name: row[name] for name in kept})
    return found


def to_shadow(row: Row) -> Shadow:
    """Return what a shadow arm would have done."""
    return Shadow(arm=row["arm"], step=to_step({**row, "idx": 0, "judge": (), "serve": None, "judged": True}))


def to_decision(row: Row, step: Step) -> Decision:
    """Return the decision with its first step."""
    context = Context(
        category=row["category"],
        confidence=row["confidence"],
        surface=row["surface"],
        embedding=np.frombuffer(row["embedding"], dtype=_FLOAT32).astype(np.float32),
        key=row["context_key"],
    )
    return Decision(
        id=row["id"],
        created_at=row["created_at"],
        context=context,
        policy=row["policy"],
        version=row["version"],
        value_usd=row["value_usd"],
        step=step,
        tenant=row["tenant"],
        session=row["session"],
        value_s=row["value_s"],
        experiment=row["experiment"],
        arm=row["arm"],
        unit=row["unit"],
        user_hash=row["user_hash"],
        kind=row["kind"],
        parent=row["parent"],
    )


def to_step(row: Row) -> Step:
    """Return the step."""
    return Step(
        index=row["idx"],
        actions=tuple(map(_to_action, row["actions"])),
        pmf=Pmf(
            probs=tuple(row["pmf"]),
            predicted=tuple(row["predicted"]),
            judge=tuple(row["judge"]),
            serve=row["serve"],
        ),
        chosen=row["chosen"],
        policy=row["policy"],
        version=row["version"],
        judged=row["judged"],
    )


def to_judged(row: Row, verdicts: Iterable[Row]) -> Judged:
    """Return the attempt, without its answer, and what the panel said of it."""
    attempt = Attempt(
        index=row["idx"],
        model=row["model"],
        tier=row["tier"],
        status=row["status"],
        cost_usd=row["cost_usd"],
        latency_s=row["latency_s"],
        error=row["error"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        provider_model=row["provider_model"],
        system_fingerprint=row["system_fingerprint"],
    )
    if not row["judged"]:
        return Judged(attempt=attempt)
    return Judged(
        attempt=attempt, judgement=Judgement(quality=row["quality"], verdicts=tuple(map(to_verdict, verdicts)))
    )


def to_verdict(row: Row) -> Verdict:
    """Return one judge's verdict."""
    return Verdict(
        judge=row["judge"],
        score=row["score"],
        cost_usd=row["cost_usd"],
        latency_s=row["latency_s"],
        reason=row["reason"],
        error=row["error"],
        skipped=row["skipped"],
        grader=row["grader"],
        prompt=row["prompt"],
        own_family=row["own_family"],
        preferred=tuple(row["preferred"]),
    )


def to_outcome(row: Row, steps: Sequence[Step], history: Sequence[Judged]) -> Outcome:
    """Return how a decision ended."""
    return Outcome(
        decision_id=row["decision_id"],
        finished_at=row["finished_at"],
        status=row["status"],
        steps=tuple(steps),
        history=tuple(history),
        served=row["served"],
        latency_s=row["latency_s"],
    )


def to_feedback(row: Row) -> Feedback:
    """Return the feedback."""
    return Feedback(
        id=row["id"],
        decision_id=row["decision_id"],
        score=row["score"],
        received_at=row["received_at"],
        label=row["label"],
        comment=row["comment"],
        late=row["late"],
        kind=row["kind"],
        queued_for=row.get("queued_for") or "",
    )
