"""OpenAI's chat protocol as the fleet speaks it: bytes to `Chat`, `Reply` to JSON and SSE; it decides no answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bandit_router.errors import RouterError

_WORDS_PER_CHUNK = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A checked chat request: `prompt` is the last user message's text, `text` that of all messages."""

    model: str
    prompt: str
    text: str
    stream: bool
    include_usage: bool
    seed: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer's text with its usage in tokens."""

    text: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What every message of an answer says of where it comes from; `created` in seconds since 1970."""

    id: str
    created: int
    model: str
    system_fingerprint: str


class WireError(RouterError):
    """An answer that is an error in OpenAI's shape."""

    def __init__(self, status: int, message: str, *, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body of the response."""
        kind = {429: "requests", 400: "invalid_request_error", 404: "invalid_request_error"}.get(
            self.status, "server_error"
        )
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


def parse_object(body: bytes) -> dict[str, Any]:
    """Return a body's JSON object; raise `WireError` 400 otherwise."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WireError(400, f"the body is not JSON: {error}", code="invalid_json") from error
    if not isinstance(data, dict):
        raise WireError(400, "the body is not a JSON object", code="invalid_json")
    return data


def parse_chat(body: bytes) -> Chat:
    """Check a chat request; raise `WireError` 400 naming the field at fault."""
    data = parse_object(body)
    model, messages = data.get("model"), data.get("messages")
    if not isinstance(model, str) or not model:
        raise WireError(400, "'model' is missing; name one of GET /v1/models", code="missing_field", param="model")
    if not isinstance(messages, list) or not messages:
        raise _bad_messages("'messages' must be a list with at least one message")
    texts = [(message["role"], _text(message)) for message in messages if _is_message(message)]
    prompts = [text for role, text in texts if role == "user"]
    if not prompts:
        raise _bad_messages("'messages' holds no user message")
    options = data.get("stream_options")
    return Chat(
        model=model,
        prompt=prompts[-1].strip(),
        text="\n".join(text for _, text in texts),
        stream=data.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        seed=data.get("seed"),
    )


def _is_message(message: Any) -> bool:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise _bad_messages("every message must be an object with a role")
    return True


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise _bad_messages("a message's content must be text or a list of parts")
    return "\n".join(str(part.get("text") or "") for part in content if isinstance(part, dict))


def _bad_messages(message: str) -> WireError:
    return WireError(400, message, code="invalid_messages", param="messages")


def completion(reply: Reply, origin: Origin) -> dict[str, Any]:
    """Return the body of a `chat.completion`."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": reply.text, "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    return {**asdict(origin), "object": "chat.completion", "choices": [choice], "usage": _usage(reply)}


def events(reply: Reply, origin: Origin, *, include_usage: bool) -> Iterator[str]:
    """Yield the server-sent events of a streamed completion, `[DONE]` last."""
    head = {**asdict(origin), "object": "chat.completion.chunk"}
    pieces: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    pieces += [{"content": piece} for piece in _pieces(reply.text)]
    for delta in pieces:
        yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if include_usage:
        yield _event({**head, "choices": [], "usage": _usage(reply)})
    yield "data: [DONE]\n\n"


def _pieces(text: str) -> list[str]:
    words = text.split(" ")
    groups = [" ".join(words[i : i + _WORDS_PER_CHUNK]) for i in range(0, len(words), _WORDS_PER_CHUNK)]
    return [group if i == 0 else f" {group}" for i, group in enumerate(groups)]


def _event(data: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(data, separators=(',', ':'))}\n\n"


def _usage(reply: Reply) -> dict[str, int]:
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
