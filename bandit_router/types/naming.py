"""Reads off a model's name what it tells of its kin: maker, line, size; it knows nothing that a name does not say."""

from __future__ import annotations

import re
from typing import Final

_MAKERS: Final = (
    ("openai", r"gpt|chatgpt|o[1-9]\b|davinci|codex"),
    ("anthropic", r"claude"),
    ("google", r"gemini|gemma|palm"),
    ("meta", r"llama"),
    ("mistral", r"(?:mis|mix|minis|codes|devs|magis|pix)tral"),
    ("qwen", r"qwen|qwq"),
    ("deepseek", r"deepseek"),
    ("xai", r"grok"),
    ("cohere", r"command|aya\b"),
    ("amazon", r"nova|titan"),
    ("microsoft", r"phi\b|phi-?\d"),
    ("zhipu", r"glm|chatglm"),
    ("moonshot", r"kimi|moonshot"),
)
"""Maker and the start of a word in the names of its models; the first that fits the last part of a target counts."""
_WORD: Final = re.compile(r"[a-z]+")
_LINE: Final = re.compile(r"(?:^|\.)(?:meta-)?([a-z]+(?:-[a-z]+)*?)-?(v?\d{1,2}(?:\.\d{1,2})?o?)(?![a-z\d.])")
"""Words and the version after them, which is no date, no size and no length of context."""
_SIZE: Final = re.compile(r"(?<![a-z\d.])(?:(\d{1,3})x)?(\d{1,4}(?:\.\d{1,3})?)b(?![a-z\d])")


def maker_of(target: str) -> str:
    """Return who made what litellm calls by this name, else the first word of the last part of it."""
    name = _last(target)
    word = _WORD.search(name)
    return known_maker(target) or (word[0] if word else name)


def known_maker(target: str) -> str | None:
    """Return who made what litellm calls by this name, None where its name is not one that is known.

    Through whom it is called does not count: one host serves the models of many makers.
    """
    name = _last(target)
    return next((maker for maker, start in _MAKERS if re.search(rf"(?<![a-z])(?:{start})", name)), None)


def line_of(target: str) -> str | None:
    """Return the line of models that one belongs to, its words up to a version; None where its name has no version.

    >>> [line_of(name) for name in ("openai/gpt-4o-mini", "meta-llama/Llama-3.1-8B-Instruct", "mistral-large-2512")]
    ['gpt-4o', 'llama-3.1', None]
    """
    found = _LINE.search(_last(target))
    return f"{found[1]}-{found[2]}" if found else None


def size_of(target: str) -> float | None:
    """Return a model's billions of parameters, of all its experts together; None where its name does not tell.

    >>> [size_of(name) for name in ("llama-3.1-8b-instruct", "mixtral-8x7b", "gpt-4o")]
    [8.0, 56.0, None]
    """
    found = _SIZE.search(_last(target))
    size = float(found[2]) * int(found[1] or 1) if found else 0.0
    return size or None


def _last(target: str) -> str:
    return target.lower().rpartition("/")[2]
