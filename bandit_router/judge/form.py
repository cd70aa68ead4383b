"""Rules about the form of an answer: that there is one, whole, in the shape that was asked; not about its words.

Each returns what is wrong, None when nothing is. What is wrong is said without quoting the answer.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bandit_router.judge.fences import Block, blocks, is_balanced
from bandit_router.judge.reading import asked, calls_of, has_calls, text_of
from bandit_router.judge.schema import mismatch
from bandit_router.types import ChatRequest, Completion

_LONGEST_CODE: Final = 20_000
"""Longer blocks are not parsed: it would hold up other requests."""
_TINY_LIMIT: Final = 16
"""A client that allows so few tokens wants the answer cut."""
_PYTHON: Final = frozenset({"python", "python3", "py"})
_NOT_PLAIN_PYTHON: Final = (">>>", "%", "!", "$ ", "...")
_FORGIVEN: Final = ("f-string", "expected an indented block", "unterminated triple-quoted string")
"""How Python names what a newer Python accepts, an outline without bodies, and a fence inside a string."""
_NOT_PLAIN_JSON: Final = re.compile(r"\.\.\.|…|(?:^|\s)(?://|/\*|#)")


def empty(_request: ChatRequest, completion: Completion) -> str | None:
    """An answer has text, a tool call or audio."""
    message = completion.message
    told = text_of(message.get("content")) or message.get("refusal") or ""
    if str(told).strip() or has_calls(message) or message.get("audio"):
        return None
    return "no text and no tool call"


def cut_off(request: ChatRequest, completion: Completion) -> str | None:
    """An answer ends by itself, with every code fence closed."""
    if completion.finish_reason == "content_filter":
        return "the provider's filter cut the answer"
    if completion.finish_reason == "length":
        limit = request.params.get("max_completion_tokens") or request.params.get("max_tokens")
        return None if isinstance(limit, int) and limit <= _TINY_LIMIT else "the answer reached its token limit"
    # A client may well stop a model at the closing fence.
    if not request.params.get("stop") and not is_balanced(text_of(completion.message.get("content"))):
        return "a code fence is left open"
    return None


def json_unparsable(request: ChatRequest, completion: Completion) -> str | None:
    """An answer parses when `response_format` asked for JSON."""
    kind, text = _asked_format(request).get("type"), text_of(completion.message.get("content"))
    if kind not in ("json_object", "json_schema") or _calls_only(completion):
        return None
    try:
        value = parse_json(text)
    except ValueError:
        return "the answer is not JSON, which response_format asked for"
    if kind == "json_object" and not isinstance(value, dict):
        return "the answer is JSON but not an object, which response_format asked for"
    return None


def json_schema_mismatch(request: ChatRequest, completion: Completion) -> str | None:
    """An answer matches the schema in `response_format`."""
    asked_format = _asked_format(request)
    schema = asked_format.get("json_schema")
    if asked_format.get("type") != "json_schema" or not isinstance(schema, Mapping) or _calls_only(completion):
        return None
    try:
        value = parse_json(text_of(completion.message.get("content")))
    except ValueError:
        return None  # `json_unparsable` says so.
    return mismatch(value, schema.get("schema"))


def tool_arguments_unparsable(_request: ChatRequest, completion: Completion) -> str | None:
    """The arguments of each tool call are a JSON object."""
    for call in calls_of(completion.message):
        if _arguments(call) is None:
            return "the arguments of a tool call are not a JSON object"
    return None


def tool_call_mismatch(request: ChatRequest, completion: Completion) -> str | None:
    """Each tool called was offered, and its arguments match the parameters it declares."""
    offered = dict(_offered(request))
    for call in calls_of(completion.message):
        name = str(call.get("name"))
        if name not in offered:
            return "a tool is called that was not offered"
        fault = mismatch(_arguments(call), offered[name])
        if fault is not None:
            return f"the arguments of a tool call do not match its parameters: {fault}"
    return None


def code_unparsable(request: ChatRequest, completion: Completion) -> str | None:
    """Fenced Python and JSON parses, unless it is quoted from the question."""
    question = asked(request)
    for block in blocks(text_of(completion.message.get("content"))):
        code = block.code.strip()
        if not code or len(code) > _LONGEST_CODE or code in question:
            continue
        if block.language in _PYTHON and not _is_python(block):
            return "a block of Python does not parse"
        if block.language == "json" and not _is_json(code):
            return "a block of JSON does not parse"
    return None


def parse_json(text: str) -> Any:
    """Return the value of JSON text; raise `ValueError` for anything else, NaN and bottomless nesting included."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _is_python(block: Block) -> bool:
    """Return False only for what is surely broken: not for sessions, shell lines and what `_FORGIVEN` names."""
    if any(line.lstrip().startswith(_NOT_PLAIN_PYTHON) for line in block.code.splitlines()):
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the answer's own, such as an invalid escape
            ast.parse(block.code)
    except SyntaxError as error:
        return (error.msg or "").startswith(_FORGIVEN)
    except (ValueError, RecursionError, MemoryError):
        return False
    return True


def _is_json(code: str) -> bool:
    if _NOT_PLAIN_JSON.search(code):
        return True  # an outline or a dialect with comments
    return _parses(code) or all(_parses(line) for line in code.splitlines() if line.strip())


def _parses(text: str) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


def _asked_format(request: ChatRequest) -> Mapping[str, Any]:
    found = request.params.get("response_format")
    return found if isinstance(found, Mapping) else {}


def _calls_only(completion: Completion) -> bool:
    return has_calls(completion.message) and not text_of(completion.message.get("content")).strip()


def _arguments(call: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a call's arguments, none at all counting as {}; None when they are not a JSON object."""
    raw = call.get("arguments")
    try:
        value = parse_json(raw) if isinstance(raw, str) and raw.strip() else raw or {}
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _offered(request: ChatRequest) -> Iterator[tuple[str, Any]]:
    """Yield (name, schema of the parameters) of the tools offered; the old `functions` count."""
    tools, functions = request.params.get("tools"), request.params.get("functions")
    found = [tool.get("function") for tool in tools if isinstance(tool, Mapping)] if isinstance(tools, list) else []
    found += functions if isinstance(functions, list) else []
    for function in found:
        if isinstance(function, Mapping):
            yield str(function.get("name")), function.get("parameters")
