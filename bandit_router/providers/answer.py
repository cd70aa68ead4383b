"""Turns litellm's response into a priced completion; it calls nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bandit_router.types import ChatRequest, Completion, Model

CHARACTERS_PER_TOKEN: Final = 4
"""OpenAI's rule of thumb for English, used only where a provider reports no usage."""


def to_completion(response: Any, model: Model, *, request: ChatRequest) -> Completion:
    """Return the first choice as a completion, its cost in USD from the model's prices and the usage reported.

    Raise `ValueError` when there is no choice.
    """
    if not response.choices:
        raise ValueError("the provider answered without any choice")
    choice = response.choices[0]
    message = assistant_message(choice.message)
    usage = getattr(response, "usage", None)
    input_tokens = _count(usage, "prompt_tokens") or tokens_of_messages(request)
    output_tokens = _count(usage, "completion_tokens") or tokens_of_message(message)
    return Completion(
        message=message,
        finish_reason=str(choice.finish_reason or "stop"),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=input_tokens * model.input_usd_per_token + output_tokens * model.output_usd_per_token,
        model=str(response.model or ""),
        system_fingerprint=getattr(response, "system_fingerprint", None),
        mean_logprob=mean_logprob(getattr(choice, "logprobs", None)),
    )


def mean_logprob(logprobs: Any) -> float | None:
    """Return the mean log probability of the tokens reported, at most 0; None when none is a finite number."""
    tokens = getattr(logprobs, "content", None) or ()
    told = [getattr(token, "logprob", None) for token in tokens]
    known = [float(value) for value in told if isinstance(value, int | float) and math.isfinite(value)]
    return min(0.0, math.fsum(known) / len(known)) if known else None


def assistant_message(message: Any) -> dict[str, Any]:
    """Return an OpenAI assistant message without litellm's additions; `content` is there, None when there is none."""
    fields: dict[str, Any] = message.model_dump(exclude_none=True, warnings=False)
    private = fields.pop("provider_specific_fields", None) or {}
    refusal = fields.get("refusal") or private.get("refusal")
    return {
        "role": "assistant",
        "content": None,
        **fields,
        **({"refusal": refusal} if refusal else {}),
    }


def tokens_of_messages(request: ChatRequest) -> int:
    """Estimate the tokens of a request's text and tools from their length; at least 1."""
    text = sum(_characters(message) for message in request.messages)
    tools = request.params.get("tools")
    return max(1, (text + (len(json.dumps(tools)) if tools else 0)) // CHARACTERS_PER_TOKEN)


def tokens_of_message(message: Mapping[str, Any]) -> int:
    """Estimate the tokens of one message from its length; 0 when it holds nothing."""
    return -(-_characters(message) // CHARACTERS_PER_TOKEN)


def _characters(message: Mapping[str, Any]) -> int:
    calls = message.get("tool_calls")
    return sum(map(len, _texts(message.get("content")))) + (len(json.dumps(calls)) if calls else 0)


def _texts(content: Any) -> Iterable[str]:
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    return [part["text"] for part in content if isinstance(part, Mapping) and isinstance(part.get("text"), str)]


def _count(usage: Any, name: str) -> int:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and value > 0 else 0
