"""Reads OpenAI messages into the texts that are embedded and classified; it interprets nothing in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_EXCERPT_CHARS: Final = 2_000


def excerpt(text: str, limit: int = _EXCERPT_CHARS) -> str:
    """Return the text's beginning and end, about `limit` characters in all, free of lone surrogates.

    >>> excerpt("abcdefgh", 4)
    'ab\\ngh'
    """
    if len(text) > limit:
        text = f"{text[: limit // 2]}\n{text[-(limit // 2) :]}"
    # JSON may carry half a surrogate pair, which no tokenizer or encoder takes.
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A conversation in two excerpts: the message to be answered (`focus`) and everything around it (`rest`).

    An excerpt keeps the beginning and the end, so a long `rest` keeps the system prompt and the latest turns.
    """

    focus: str
    rest: str
    chars: int
    """Length of all texts before they were cut."""
    focus_chars: int
    turns: int
    images: int
    system: bool
    tool_results: bool

    @property
    def text(self) -> str:
        """Both excerpts, the focus last."""
        return f"{self.rest}\n{self.focus}" if self.rest else self.focus

    @property
    def rest_share(self) -> float:
        """Return the weight of `rest`: 0.5 beside an empty focus, 0.2 beside one of 300 characters or more.

        A short message ("and now in Rust") says little by itself, a long one stands by itself.
        """
        return 0.5 - 0.3 * min(self.focus_chars / 300, 1.0) if self.rest else 0.0


def read(messages: Sequence[Mapping[str, Any]]) -> Conversation:
    """Read a conversation; what is missing or no text counts as empty."""
    texts = [_text(message) for message in messages]
    roles = [message.get("role") for message in messages]
    focus = _focus(texts, roles)
    return Conversation(
        focus=excerpt(texts[focus]) if texts else "",
        rest=excerpt("\n".join(text for index, text in enumerate(texts) if text and index != focus)),
        chars=sum(map(len, texts)),
        focus_chars=len(texts[focus]) if texts else 0,
        turns=sum(role in ("user", "assistant") for role in roles),
        images=sum(part.get("type") == "image_url" for message in messages for part in _parts(message)),
        system=any(role in ("system", "developer") for role in roles),
        tool_results=any(role in ("tool", "function") for role in roles),
    )


def _focus(texts: Sequence[str], roles: Sequence[Any]) -> int:
    """Return the index of the last user message that holds text, else of the last message that does, else the last."""
    written = [index for index, text in enumerate(texts) if text.strip()]
    asked = [index for index in written if roles[index] == "user"]
    return (asked or written or [len(texts) - 1])[-1]


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in _parts(message))
    return "\n".join(text for text in texts if isinstance(text, str))


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, (list, tuple)) else []
