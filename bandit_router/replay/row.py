"""Turns records into plain rows, of JSON's and Arrow's types, and back, bit for bit; it opens no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from bandit_router.replay.check import SHARE, check, within
from bandit_router.replay.record import Record, Said
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
    Step,
    Verdict,
)

Row = Mapping[str, Any]

TARGET_PROB: Final = "target_prob:"
"""What the name of a column begins with that holds a policy's probability of all that was done."""
ROUNDING: Final = 1e-6
"""How far a step's propensity may be from its pmf's entry."""
_ACTION: Final = ("model", "tier", "cost_usd", "fuses")
_KIN: Final = ("family", "line", "size_b")
_ATTEMPT: Final = ("index", "model", "tier", "status", "error", "input_tokens", "output_tokens", "cost_usd")
_ANSWERED: Final = ("provider_model", "system_fingerprint")
_GRADE: Final = ("judge", "score", "reason", "error", "cost_usd", "latency_s")
_VERDICT: Final = (*_GRADE, "skipped", "grader", "prompt", "own_family", "preferred")
_FEEDBACK: Final = ("id", "score", "label", "comment", "received_at", "kind", "late")


def to_row(record: Record) -> dict[str, Any]:
    """Return the row of a record."""
    decision, outcome = record.decision, record.outcome
    return {
        "seq": record.seq,
        "id": decision.id,
        "created_at": decision.created_at,
        "tenant": decision.tenant,
        "session": decision.session,
        "policy": decision.policy,
        "version": decision.version,
        "value_usd": float(decision.value_usd),
        "value_s": decision.value_s,
        "experiment": decision.experiment,
        "arm": decision.arm,
        "unit": decision.unit,
        "propensities": record.propensities,
        "context": _context(decision.context),
        "steps": [_step(step) for step in outcome.steps],
        "attempts": [_attempt(judged) for judged in outcome.history],
        "served": outcome.served,
        "status": outcome.status,
        "finished_at": outcome.finished_at,
        "latency_s": float(outcome.latency_s),
        "quality": outcome.quality,
        "cost_usd": float(outcome.cost_usd),
        "feedback": [{"seq": said.seq, **_picked(said.feedback, _FEEDBACK)} for said in record.feedback],
        **{TARGET_PROB + name: chance for name, chance in record.target_probs},
    }


def to_record(row: Row) -> Record:
    """Return the record of a row; raise KeyError, TypeError or ValueError for what is none."""
    steps = tuple(map(_to_step, row["steps"]))
    if not steps:
        raise ValueError("a decision without steps")
    feedback = tuple(
        Said(seq=said["seq"], feedback=Feedback(decision_id=row["id"], **_moments(said, _FEEDBACK)))
        for said in row["feedback"]
    )
    decision = Decision(
        id=row["id"],
        created_at=moment(row["created_at"]),
        context=_to_context(row["context"]),
        policy=row["policy"],
        version=row["version"],
        value_usd=row["value_usd"],
        step=steps[0],
        tenant=row["tenant"],
        session=row["session"],
        value_s=row["value_s"],
        experiment=row.get("experiment"),
        arm=row.get("arm"),
        unit=row.get("unit"),
    )
    outcome = Outcome(
        decision_id=row["id"],
        finished_at=moment(row["finished_at"]),
        status=row["status"],
        steps=steps,
        history=tuple(map(_to_judged, row["attempts"])),
        served=row["served"],
        latency_s=row["latency_s"],
    )
    chances = ((n.removeprefix(TARGET_PROB), p) for n, p in row.items() if n.startswith(TARGET_PROB) and p is not None)
    record = Record(
        seq=row["seq"],
        decision=decision,
        outcome=outcome,
        feedback=feedback,
        propensities=row["propensities"],
        target_probs=tuple(chances),
    )
    check(record)
    return replace(record, mismatched=True) if _mismatched(row, steps) else record


def _mismatched(row: Row, steps: Sequence[Step]) -> bool:
    """Return whether a propensity was logged that is not its pmf's entry; raise ValueError for one that is none."""
    logged = [step["propensity"] for step in row["steps"]]
    for propensity in logged:
        within("propensity", propensity, 0.0, SHARE)
    return any(abs(one - step.propensity) > ROUNDING for one, step in zip(logged, steps, strict=True))


def moment(value: object) -> datetime:
    """Return a moment in UTC, of a datetime or of ISO text; raise ValueError for anything else, as without a zone."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(found, datetime) or found.tzinfo is None:
        raise ValueError(f"the time {value!r} is none with a time zone, such as 2026-11-30T12:00:00Z")
    return found.astimezone(UTC)


def _picked(noun: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(noun, name) for name in names}


def _moments(row: Row, names: Sequence[str]) -> dict[str, Any]:
    return {name: moment(row[name]) if name.endswith("_at") else row[name] for name in names}


def _context(context: Context) -> Row:
    return {
        "category": context.category,
        "confidence": float(context.confidence),
        "surface": {name: float(value) for name, value in context.surface.items()},
        "embedding": np.asarray(context.embedding, dtype=np.float32).tolist(),
        "key": context.key,
    }


def _to_context(row: Row) -> Context:
    return Context(
        category=row["category"],
        confidence=row["confidence"],
        surface=dict(row["surface"]),
        embedding=np.array(row["embedding"], dtype=np.float32),
        key=row["key"],
    )


def _step(step: Step) -> Row:
    return {
        "index": step.index,
        "policy": step.policy,
        "version": step.version,
        "actions": [_action(action) for action in step.actions],
        "pmf": list(map(float, step.pmf.probs)),
        "predicted": [None if value is None else float(value) for value in step.pmf.predicted],
        "judge": list(map(float, step.pmf.judge)),
        "serve": step.pmf.serve,
        "chosen": int(step.chosen),
        "propensity": float(step.propensity),
        "judged": bool(step.judged),
    }


def _action(action: Action) -> Row:
    """Return an action without what is not known of its model."""
    known = {name: value for name, value in _picked(action, _KIN).items() if value is not None}
    benchmarks = {"benchmarks": dict(action.benchmarks)} if action.benchmarks else {}
    return {**_picked(action, _ACTION), **known, **benchmarks}


def _to_action(row: Row) -> Action:
    """Return an action; those written before it was kept do not say of what kin the model is."""
    return Action(**{**row, "benchmarks": tuple(dict(row.get("benchmarks") or ()).items())})


def _to_step(row: Row) -> Step:
    pmf = Pmf(probs=tuple(row["pmf"]), predicted=tuple(row["predicted"]), judge=tuple(row["judge"]), serve=row["serve"])
    actions = tuple(map(_to_action, row["actions"]))
    if not 0 <= row["chosen"] < len(actions) == len(pmf.probs):
        raise ValueError(f"step {row['index']} has {len(actions)} actions, {len(pmf.probs)} probabilities")
    kept = {name: row[name] for name in ("index", "chosen", "policy", "version", "judged")}
    return Step(actions=actions, pmf=pmf, **kept)


def _attempt(judged: Judged) -> Row:
    judgement = judged.judgement
    return {
        **_picked(judged.attempt, (*_ATTEMPT, *_ANSWERED)),
        "latency_s": float(judged.attempt.latency_s),
        "judged": judgement is not None,
        "quality": judged.quality,
        "judgements": [_picked(verdict, _VERDICT) for verdict in (judgement.verdicts if judgement else ())],
    }


def _to_verdict(row: Row) -> Verdict:
    """Return a verdict; those written before comparisons were kept have none."""
    return Verdict(**{**row, "preferred": tuple(row.get("preferred") or ())})


def _to_judged(row: Row) -> Judged:
    """Return an attempt; those written before it was kept do not say what the provider said that answered."""
    attempt = Attempt(
        latency_s=row["latency_s"],
        provider_model=row.get("provider_model") or "",
        system_fingerprint=row.get("system_fingerprint"),
        **{name: row[name] for name in _ATTEMPT},
    )
    if not row["judged"]:
        return Judged(attempt=attempt)
    verdicts = tuple(_to_verdict(verdict) for verdict in row["judgements"])
    return Judged(attempt=attempt, judgement=Judgement(quality=row["quality"], verdicts=verdicts))
