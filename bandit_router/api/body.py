"""Reads the body of a request and checks its basics; what OpenAI's protocol may add passes through unread."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from bandit_router.api.auth import Caller
from bandit_router.api.hints import read_hints, split_metadata
from bandit_router.errors import BadRequest
from bandit_router.registry.catalog import Catalog
from bandit_router.router import Ask
from bandit_router.types import ChatRequest

MAX_DEPTH: Final = 100
"""How deep a body may be nested; copying and hashing it recurse."""
_OURS: Final = frozenset({"model", "messages", "stream", "stream_options", "metadata"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat request: what to ask the router, and how the client wants the answer."""

    ask: Ask
    stream: bool
    include_usage: bool


def parse_object(raw: bytes, *, allow_nan: bool = False) -> dict[str, Any]:
    """Return a body's JSON object; raise `BadRequest` when it is none, or none that can be passed on."""
    try:
        text = raw.decode("utf-8")
        data = (_LENIENT if allow_nan else _STRICT).decode(text)
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are such
        raise BadRequest(f"the body is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadRequest("the body must be a JSON object")
    if text.count("{") + text.count("[") > MAX_DEPTH and _deeper_than(data, MAX_DEPTH):
        raise _too_deep()
    if "\\ud" in text or "\\uD" in text:
        _check_surrogates(data)
    return data


def parse_chat(
    data: Mapping[str, Any], headers: list[tuple[bytes, bytes]], *, caller: Caller, catalog: Catalog
) -> Chat:
    """Return the chat request that a JSON object and its headers make; raise `BadRequest` naming the field at fault."""
    hinted, metadata = split_metadata(data.get("metadata"))
    params = {name: value for name, value in data.items() if name not in _OURS}
    _check_params(params)
    if metadata:
        params["metadata"] = metadata
    ask = Ask(
        request=ChatRequest(messages=_messages(data), params=params),
        target=_model(data),
        hints=read_hints(headers, hinted, catalog),
        tenant=caller.tenant,
        value_usd=caller.value_usd,
        value_s=caller.value_s,
    )
    stream = _flag(data.get("stream"), "stream")
    return Chat(ask=ask, stream=stream, include_usage=_include_usage(data.get("stream_options")))


def _model(data: Mapping[str, Any]) -> str:
    model = data.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest(
            'model must be the name of a model, a tier or a policy, or "auto"; GET /v1/models lists them', param="model"
        )
    return model


def _messages(data: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    messages = data.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list with at least one message", param="messages")
    for index, message in enumerate(messages):
        _check_message(message, f"messages[{index}]")
    return tuple(messages)


def _check_message(message: Any, param: str) -> None:
    if not isinstance(message, dict):
        raise BadRequest(f"{param} must be an object with role and content", param=param)
    if not isinstance(message.get("role"), str) or not message["role"]:
        raise BadRequest(f"{param}.role must be a text, such as 'user'", param=f"{param}.role")
    content = message.get("content")
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise BadRequest(f"{param}.content must be a text or a list of parts", param=f"{param}.content")


def _check_params(params: Mapping[str, Any]) -> None:
    """Check those of the parameters that the router itself looks at; providers check the rest."""
    if params.get("n") not in (None, 1) or isinstance(params.get("n"), bool):
        raise BadRequest("n other than 1 is not supported: one answer is served, the best judged", param="n")
    for name in ("max_tokens", "max_completion_tokens"):
        value = params.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise BadRequest(f"{name} must be a whole number above 0", param=name)
    if not isinstance(params.get("tools") or [], list):
        raise BadRequest("tools must be a list", param="tools")
    if not isinstance(params.get("response_format") or {}, dict):
        raise BadRequest("response_format must be an object", param="response_format")
    for name, value in params.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise BadRequest(f"{name} is out of range", param=name)


def _flag(value: Any, name: str) -> bool:
    if value is not None and not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false", param=name)
    return bool(value)


def _include_usage(options: Any) -> bool:
    if options is None:
        return False
    if not isinstance(options, dict):
        raise BadRequest("stream_options must be an object", param="stream_options")
    return _flag(options.get("include_usage"), "stream_options.include_usage")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


_STRICT: Final = json.JSONDecoder(parse_constant=_refuse_constant)
_LENIENT: Final = json.JSONDecoder()


def _deeper_than(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_deeper_than(part, depth - 1) for part in inner)


def _too_deep() -> BadRequest:
    return BadRequest(f"the body is nested more than {MAX_DEPTH} levels deep")


def _check_surrogates(data: Any) -> None:
    """Raise `BadRequest` for half of a surrogate pair, which no provider could be sent."""
    try:
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadRequest("the body holds half of a surrogate pair (\\ud800 to \\udfff), which is no text") from error
