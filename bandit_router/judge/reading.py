"""Reads the text out of requests and answers, whatever shape their content has; it judges nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bandit_router.types import ChatRequest, Completion

INSTRUCTIONS = frozenset({"system", "developer"})


def text_of(content: Any) -> str:
    """Return the text of a message's content, a string or a list of parts; an image shows as `[image_url]`, and so on.

    >>> text_of([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {}}])
    'What is this?\\n[image_url]'
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    return "\n".join(filter(None, map(_part, content)))


def calls_of(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the functions a message calls, each with `name` and `arguments`; the old `function_call` counts."""
    calls = message.get("tool_calls")
    found = [call.get("function") for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []
    return [call for call in (*found, message.get("function_call")) if isinstance(call, Mapping)]


def has_calls(message: Mapping[str, Any]) -> bool:
    """Return True when a message calls a tool of any kind."""
    return bool(message.get("tool_calls") or message.get("function_call"))


def answer_of(completion: Completion) -> str:
    """Return an answer as text: exactly its text when it calls no tool, else with its calls as JSON on lines below."""
    text = text_of(completion.message.get("content"))
    calls = [json.dumps({"call": call}, ensure_ascii=False, default=str) for call in calls_of(completion.message)]
    return "\n".join(filter(None, (text, *calls)))


def question_of(request: ChatRequest) -> str:
    """Return a conversation without its instructions as text.

    One user message: exactly its text. More turns: each as `role: text`, in order, with an empty line between.
    """
    turns = [message for message in request.messages if message.get("role") not in INSTRUCTIONS]
    if len(turns) == 1 and turns[0].get("role") == "user":
        return text_of(turns[0].get("content"))
    return "\n\n".join(f"{turn.get('role', 'user')}: {_turn(turn)}" for turn in turns)


def instructions_of(request: ChatRequest) -> str:
    """Return the text of the system and developer messages."""
    found = (text_of(m.get("content")) for m in request.messages if m.get("role") in INSTRUCTIONS)
    return "\n\n".join(filter(None, found))


def asked(request: ChatRequest) -> str:
    """Return the text of the last user message; empty when there is none."""
    users = [message for message in request.messages if message.get("role") == "user"]
    return text_of(users[-1].get("content")) if users else ""


def _turn(message: Mapping[str, Any]) -> str:
    calls = [json.dumps({"call": call}, ensure_ascii=False, default=str) for call in calls_of(message)]
    return "\n".join(filter(None, (text_of(message.get("content")), *calls)))


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        return ""
    text = part.get("text")
    return text if isinstance(text, str) else f"[{part.get('type', 'part')}]"
