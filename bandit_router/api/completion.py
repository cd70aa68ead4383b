"""Writes an answer in OpenAI's shapes, whole or as server-sent events; it routes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bandit_router.api.reply import dumps
from bandit_router.types import Answer, Completion, Judged

ID_PREFIX: Final = "chatcmpl-"
_PIECE: Final = re.compile(r".{1,60}\s|.{1,60}", re.DOTALL)
"""Up to 60 characters, to the end of a word where there is one."""
_SPOKEN: Final = ("role", "content", "refusal", "tool_calls")


def completion_body(answer: Answer) -> dict[str, Any]:
    """Return the body of a `chat.completion`."""
    completion = answer.completion
    choice = {
        "index": 0,
        "message": completion.message,
        "logprobs": None,
        "finish_reason": completion.finish_reason,
    }
    return {**_head(answer, "chat.completion"), "choices": [choice], "usage": _usage(completion)}


def completion_events(answer: Answer, *, include_usage: bool) -> Iterator[str]:
    """Yield the answer as server-sent events, `[DONE]` last."""
    head = _head(answer, "chat.completion.chunk")
    # With usage asked for, OpenAI has the key in every chunk and the numbers in the last.
    tail: dict[str, Any] = {"usage": None} if include_usage else {}
    for delta in deltas(answer.completion.message):
        yield _event({**head, "choices": [_choice(delta, None)], **tail})
    yield _event({**head, "choices": [_choice({}, answer.completion.finish_reason)], **tail})
    if include_usage:
        yield _event({**head, "choices": [], "usage": _usage(answer.completion)})
    yield "data: [DONE]\n\n"


def deltas(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the pieces that a client puts together to the message again."""
    content = message.get("content")
    yield {"role": "assistant", "content": "" if isinstance(content, str) else None}
    for name in ("content", "refusal"):
        for piece in _pieces(message.get(name)):
            yield {name: piece}
    for index, call in enumerate(message.get("tool_calls") or ()):
        yield from _tool_call(index, call)
    yield from ({name: value} for name, value in message.items() if name not in _SPOKEN)


def router_headers(answer: Answer) -> dict[str, str]:
    """Return the headers that say how an answer came about."""
    outcome = answer.outcome
    assert outcome.served is not None, "an answer was served"
    served = outcome.history[outcome.served]
    headers = {
        "x-router-decision-id": answer.decision.id,
        "x-router-model": served.attempt.model,
        "x-router-tier": str(served.attempt.tier),
        "x-router-attempts": str(len(outcome.history)),
        "x-router-cost-usd": f"{outcome.cost_usd:.9f}",
        "x-router-policy": answer.decision.policy,
    }
    return headers if served.quality is None else {**headers, "x-router-quality": f"{served.quality:.4f}"}


def waited_s(history: tuple[Judged, ...]) -> float:
    """Return the seconds spent on models and judges; the judges of one answer work side by side."""
    return sum(
        judged.attempt.latency_s + max((verdict.latency_s for verdict in judged.judgement.verdicts), default=0.0)
        if judged.judgement
        else judged.attempt.latency_s
        for judged in history
    )


def _head(answer: Answer, kind: str) -> dict[str, Any]:
    assert answer.outcome.served is not None, "an answer was served"
    return {
        "id": f"{ID_PREFIX}{answer.decision.id}",
        "object": kind,
        "created": int(answer.decision.created_at.timestamp()),
        "model": answer.outcome.history[answer.outcome.served].attempt.model,
        "system_fingerprint": answer.completion.system_fingerprint,
    }


def _usage(completion: Completion) -> dict[str, int]:
    return {
        "prompt_tokens": completion.input_tokens,
        "completion_tokens": completion.output_tokens,
        "total_tokens": completion.input_tokens + completion.output_tokens,
    }


def _choice(delta: Mapping[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _tool_call(index: int, call: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    function = call.get("function")
    if not isinstance(function, Mapping):
        yield {"tool_calls": [{"index": index, **call}]}
        return
    opening = {**call, "function": {**function, "arguments": ""}}
    yield {"tool_calls": [{"index": index, **opening}]}
    for piece in _pieces(function.get("arguments")):
        yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _pieces(value: Any) -> list[Any]:
    if isinstance(value, str):
        return _PIECE.findall(value)
    return [] if value is None else [value]


def _event(data: Mapping[str, Any]) -> str:
    return f"data: {dumps(data)}\n\n"
