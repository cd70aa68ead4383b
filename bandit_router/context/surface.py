"""Measures the surface of a conversation as named numbers in [0, 1]; it does not ask what the text is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import log1p
from typing import Any, Final

from bandit_router.context.conversation import Conversation

_OPTION: Final = re.compile(r"(?:^|[\s(])[A-J][.):]\s")
_LETTERED: Final = re.compile(r"[A-J][.):]\s")
"""Part of every option and several times as quick to look for."""
_CODE: Final = b"{}[]();_=<>\\`#"
_MATH: Final = b"+-*/=^<>$\\|%"
_DIGITS: Final = b"0123456789"
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
"""UTF-8 bytes that follow a lead byte: without them, bytes are characters and lead bytes name the script."""
_SCRIPTS: Final[Mapping[str, bytes]] = {
    "script_latin_extended": bytes(range(0xC3, 0xCA)),
    "script_greek_cyrillic": bytes(range(0xCE, 0xD6)),
    "script_semitic": bytes(range(0xD6, 0xDE)),
    "script_south_asian": b"\xe0",
    "script_east_asian": bytes(range(0xE3, 0xEE)),
}
_LONGEST_CHARS: Final = 100_000
_MOST_TURNS: Final = 50


def features(conversation: Conversation, params: Mapping[str, Any], /) -> dict[str, float]:
    """Return the features of a conversation and its OpenAI parameters, each in [0, 1], always the same names."""
    return {**_of_text(conversation.text), **_of_shape(conversation), **_of_params(params)}


def _of_text(text: str) -> dict[str, float]:
    ascii_only = text.isascii()
    raw = text.encode("utf-8", "replace")
    if not ascii_only:
        raw = raw.translate(None, _CONTINUATION)
    size = max(len(raw), 1)
    return {
        "code_fence": float("```" in text),
        "code": min(4 * _share(raw, _CODE, size), 1.0),
        "digits": _share(raw, _DIGITS, size),
        "math": min(4 * _share(raw, _MATH, size), 1.0),
        "questions": _upto(raw.count(b"?"), 4),
        "options": _upto(len(_OPTION.findall(text)) if _LETTERED.search(text) else 0, 10),
        "lines": _upto(raw.count(b"\n"), 40),
        "non_ascii": 0.0 if ascii_only else 1 - len(raw.decode("ascii", "ignore")) / size,
        **{name: 0.0 if ascii_only else _share(raw, lead, size) for name, lead in _SCRIPTS.items()},
    }


def _of_shape(conversation: Conversation) -> dict[str, float]:
    return {
        "length": min(log1p(conversation.chars) / log1p(_LONGEST_CHARS), 1.0),
        "last_share": conversation.focus_chars / max(conversation.chars, 1),
        "turns": min(log1p(conversation.turns) / log1p(_MOST_TURNS), 1.0),
        "images": _upto(conversation.images, 4),
        "system": float(conversation.system),
        "tool_results": float(conversation.tool_results),
    }


def _of_params(params: Mapping[str, Any]) -> dict[str, float]:
    wanted = params.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    return {
        "tools": float(bool(params.get("tools") or params.get("functions"))),
        "json": float(kind in ("json_object", "json_schema")),
    }


def _share(raw: bytes, kind: bytes, size: int) -> float:
    return (len(raw) - len(raw.translate(None, kind))) / size


def _upto(count: int, most: int) -> float:
    return min(count, most) / most
