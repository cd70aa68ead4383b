"""Says in JSON and in words how a decision came about; it reads and decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bandit_router.policy.load import PINNED
from bandit_router.reward.feedback import combine
from bandit_router.reward.utility import reward
from bandit_router.store.events import Account
from bandit_router.store.text import redact
from bandit_router.types import Decision, Event, Feedback, Judged, Outcome, Step, Verdict


def account_body(account: Account) -> dict[str, Any]:
    """Return all that may be told of a decision."""
    decision, outcome = account.decision, account.outcome
    steps = outcome.steps if outcome else (decision.step,)
    history = outcome.history if outcome else ()
    return {
        "decision_id": decision.id,
        "kind": decision.kind,
        "parent": decision.parent,
        "summary": summary(decision, outcome),
        "status": outcome.status if outcome else "open",
        "created_at": decision.created_at.isoformat(),
        "finished_at": outcome.finished_at.isoformat() if outcome else None,
        "tenant": decision.tenant,
        "session": decision.session,
        "experiment": decision.experiment,
        "arm": decision.arm,
        "unit": decision.unit,
        "shadows": [{"arm": shadow.arm, **_step(shadow.step)} for shadow in decision.shadows],
        "policy": decision.policy,
        "version": decision.version,
        "value_usd": decision.value_usd,
        "value_s": decision.value_s,
        "context": {
            "category": decision.context.category,
            "confidence": decision.context.confidence,
            "surface": dict(decision.context.surface),
        },
        "steps": [_step(step) for step in steps],
        "attempts": [_attempt(judged) for judged in history],
        "served": outcome.served if outcome else None,
        "model": _served_model(outcome),
        "quality": outcome.quality if outcome else None,
        "cost_usd": outcome.cost_usd if outcome else None,
        "latency_s": outcome.latency_s if outcome else None,
        "feedback": [_feedback(given) for given in account.feedback],
        "reward": _reward(account),
    }


def candidates(step: Step) -> list[dict[str, Any]]:
    """Return what could have been chosen at a step, each with its expected cost, probability and predicted reward."""
    predicted = step.pmf.predicted or (None,) * len(step.actions)
    return [
        {
            "model": action.model,
            "tier": None if action.is_stop else action.tier,
            "expected_cost_usd": action.cost_usd,
            "probability": probability,
            "predicted_reward": expected,
            "chosen": index == step.chosen,
        }
        for index, (action, probability, expected) in enumerate(
            zip(step.actions, step.pmf.probs, predicted, strict=True)
        )
    ]


def summary(decision: Decision, outcome: Outcome | None) -> str:
    """Return one sentence that says why this model."""
    return f"{'; '.join((_opening(decision), *_middle(outcome), _ending(outcome)))}."


def _opening(decision: Decision) -> str:
    step = decision.step
    action, kind = step.action, f"for a request of category {decision.context.category}"
    if decision.policy == PINNED:
        return f"The request named {action.model} (tier {action.tier}), so no policy chose, {kind}"
    if len(step.actions) == 1:
        return f"Policy {decision.policy} had one model to start with, {action.model} (tier {action.tier}), {kind}"
    return (
        f"Policy {decision.policy} (version {decision.version}) started with {action.model} (tier {action.tier}), "
        f"drawn with probability {step.propensity:.3g} among {len(step.actions)} models {kind} "
        f"(confidence {decision.context.confidence:.2f}){_expectation(step)}"
    )


def _expectation(step: Step) -> str:
    known = [value for value in step.pmf.predicted if value is not None]
    chosen = step.pmf.predicted[step.chosen] if step.pmf.predicted else None
    if chosen is None:
        return ""
    best = "the highest" if chosen >= max(known) else f"to explore, as the highest was {max(known):.2f}"
    return f", with a predicted reward of {chosen:.2f}, {best}"


def _middle(outcome: Outcome | None) -> Iterator[str]:
    for judged in outcome.history if outcome else ():
        attempt = judged.attempt
        if not judged.ok:
            yield f"{attempt.model} failed ({attempt.status})"
        elif judged.quality is None:
            yield f"{attempt.model} answered without being judged"
        else:
            yield f"{attempt.model} answered and was judged {judged.quality:.2f}"


def _ending(outcome: Outcome | None) -> str:
    if outcome is None:
        return "no outcome is recorded"
    model = _served_model(outcome)
    cost = f"the whole cost ${outcome.cost_usd:.6f}"
    if model is None:
        return f"no model was left to try, and {cost}"
    last = outcome.steps[-1].action
    why = "no other was to be tried" if not last.is_stop else "the policy stopped"
    return f"{why}, the answer of {model} was served, and {cost}"


def _served_model(outcome: Outcome | None) -> str | None:
    if outcome is None or outcome.served is None:
        return None
    return outcome.history[outcome.served].attempt.model


def _step(step: Step) -> dict[str, Any]:
    return {
        "index": step.index,
        "policy": step.policy,
        "version": step.version,
        "chosen": step.action.model,
        "propensity": step.propensity,
        "judge_propensity": step.judge_propensity,
        "candidates": candidates(step),
    }


def _attempt(judged: Judged) -> dict[str, Any]:
    attempt = judged.attempt
    return {
        "index": attempt.index,
        "model": attempt.model,
        "tier": attempt.tier,
        "status": attempt.status,
        # Providers like to quote keys, and with log_text = "full" what they said is stored as it came.
        "error": attempt.error and redact(attempt.error),
        "input_tokens": attempt.input_tokens,
        "output_tokens": attempt.output_tokens,
        "provider_model": attempt.provider_model,
        "system_fingerprint": attempt.system_fingerprint,
        "cost_usd": attempt.cost_usd,
        "latency_s": attempt.latency_s,
        "judgement": _judgement(judged),
    }


def _judgement(judged: Judged) -> dict[str, Any] | None:
    if judged.judgement is None:
        return None
    return {
        "quality": judged.judgement.quality,
        "cost_usd": judged.judgement.cost_usd,
        "verdicts": [_verdict(verdict) for verdict in judged.judgement.verdicts],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "judge": verdict.judge,
        "score": verdict.score,
        "reason": verdict.reason,
        "error": verdict.error and redact(verdict.error),
        "cost_usd": verdict.cost_usd,
        "latency_s": verdict.latency_s,
        "skipped": verdict.skipped,
        "grader": verdict.grader,
        "prompt": verdict.prompt,
        "own_family": verdict.own_family,
        "preferred": list(verdict.preferred),
    }


def _feedback(given: Feedback) -> dict[str, Any]:
    return {
        "id": given.id,
        "kind": given.kind,
        "score": given.score,
        "label": given.label,
        "comment": given.comment,
        "received_at": given.received_at.isoformat(),
        "late": given.late,
    }


def _reward(account: Account) -> float | None:
    """Return the reward as a learner sees it today; None before the outcome, and when quality was not observed."""
    if account.outcome is None:
        return None
    told = combine(account.feedback, account.outcome.quality)
    return reward(Event(seq=0, kind="finished", decision=account.decision, outcome=account.outcome, feedback=told))
