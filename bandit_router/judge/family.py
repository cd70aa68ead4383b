"""Tells which models are of one family, and picks a grader of another; it asks none."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from bandit_router.types import Model

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


def family_of(model: Model) -> str:
    """Return who made a model: as configured, else by its name."""
    return model.family or maker_of(model.target)


def maker_of(target: str) -> str:
    """Return who made what litellm calls by this name, else the first word of the last part of it.

    Through whom it is called does not count: one host serves the models of many makers.
    """
    name = target.lower().rpartition("/")[2]
    for maker, start in _MAKERS:
        if re.search(rf"(?<![a-z])(?:{start})", name):
            return maker
    word = _WORD.search(name)
    return word[0] if word else name


def pick(graders: Sequence[Model], graded: Collection[Model]) -> tuple[Model, bool]:
    """Return the first grader of no family among those graded, else the first; and whether it is of such a family."""
    families = {family_of(model) for model in graded}
    stranger = next((model for model in graders if family_of(model) not in families), None)
    return (stranger, False) if stranger else (graders[0], True)
