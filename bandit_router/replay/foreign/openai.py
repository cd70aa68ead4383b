"""Reads JSON lines of OpenAI's requests and responses with a score; whoever logged them may add a propensity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bandit_router.replay.foreign import fields
from bandit_router.replay.foreign.entry import UNKNOWN, Entry, priced
from bandit_router.replay.foreign.fields import Object
from bandit_router.types import Action

_FAILED: Final = 400


def entry(raw: Object, number: int) -> Entry:
    """Return the entry of a line; raise ValueError saying what is wrong.

    `request` and `response` are objects of their own, or the line holds their members itself; `response` may hold its
    members in a `body`, as the Batch API writes it. `pmf`, {model: probability}, makes it a log that can be evaluated.
    """
    request = {**raw, **fields.inner(raw, "request"), **fields.inner(raw, "body")}
    outer = fields.inner(raw, "response")
    response = {**raw, **outer, **fields.inner(outer, "body")}
    error = _error(raw.get("error") or response.get("error"), outer)
    usage = fields.inner(response, "usage")
    model = fields.text(raw, "model", default="") or fields.text(request, "model", default="")
    actions, probs, chosen = _choice(model or fields.text(response, "model"), raw)
    return Entry(
        id=fields.text(raw, "id", "custom_id", default="") or fields.text(response, "id", default=f"row-{number}"),
        at=fields.moment(response, "created_at", "timestamp", "created"),
        actions=actions,
        chosen=chosen,
        probs=probs,
        messages=fields.messages(request.get("messages") or request.get("prompt")),
        category=fields.text(raw, "category", default=UNKNOWN),
        status="ok" if error is None else "error",
        error=error,
        cost_usd=fields.number(raw, "cost_usd", "cost", default=0.0),
        latency_s=fields.number(raw, "latency_s", default=0.0),
        tokens=(
            round(fields.number(usage, "prompt_tokens", "input_tokens", default=0.0)),
            round(fields.number(usage, "completion_tokens", "output_tokens", default=0.0)),
        ),
        score=fields.share(raw, "score", "reward"),
        tenant=fields.text(request, "user", default=""),
    )


def _error(said: object, response: Object) -> str | None:
    """Return what went wrong, None where nothing did."""
    code = response.get("status_code")
    if not said and not (isinstance(code, int) and code >= _FAILED):
        return None
    message = said.get("message") or said.get("code") if isinstance(said, dict) else said
    return str(message or f"HTTP {code}")


def _choice(model: str, raw: Object) -> tuple[tuple[Action, ...], tuple[float, ...] | None, int]:
    """Return what could be done, with what probability where that was logged, and which of it was."""
    pmf = fields.inner(raw, "pmf")
    if not pmf:
        return (Action(model=model, tier=0),), None, 0
    if model not in pmf:
        raise ValueError(f"'pmf' has no {model!r}; it must say with what probability the model was taken")
    probs = check(list(pmf.values()), "'pmf'")
    prices = fields.inner(raw, "expected_cost_usd")
    # Without prices nothing says which model is above which: they are of one tier, at no expected cost.
    actions = priced({name: fields.number(prices, name) if prices else 0.0 for name in pmf})
    if probs[list(pmf).index(model)] <= 0:
        raise ValueError(f"'pmf' gives {model!r} no chance, and it was taken")
    return actions, probs, list(pmf).index(model)


def check(values: Sequence[object], what: str) -> tuple[float, ...]:
    """Return probabilities that sum to 1, to 1e-4; raise ValueError."""
    numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(values) or any(not 0 <= value <= 1 for value in numbers) or abs(sum(numbers) - 1) > 1e-4:
        raise ValueError(f"{what} is {list(values)!r}; it must be probabilities that sum to 1")
    total = sum(numbers)
    return tuple(value / total for value in numbers)
