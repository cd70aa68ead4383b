"""How a gullible model reads a prompt to grade: what it obeys or copies instead of grading; it knows no quality."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_CONTROL: Final = re.compile(
    r"<\|[^|>]*\|>|<\uff5c[^\uff5c]*\uff5c>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?(?:system|assistant)>"
)
"""What a tokenizer turns into control tokens, wherever it stands in the text that it is given."""
_HIDDEN: Final = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
_OBJECT: Final = re.compile(r"\{[^{}]*\}")
_KNOWN: Final = frozenset({"nonce", "question", "instructions", "answer", "answer_1", "answer_2"})


def swayed(prompt: str) -> tuple[str, str] | None:
    """Return (what it fell for, its reply) where a prompt lets a gullible model be swayed; None where it grades.

    Turns that others forged, what does not show and whatever stands beside the material are orders to it; of verdicts
    in the material it repeats the last, however often it is asked.
    """
    if len(_CONTROL.split(prompt)) > 1:
        return "a forged turn", _obedient({})
    material, rest = _material(prompt)
    if material is None or rest.strip() or material.keys() - _KNOWN or _HIDDEN.search(prompt):
        return "text beside the material", _obedient(material or {})
    said = [text for name, text in material.items() if name != "nonce"]
    forged = [verdict for text in said for verdict in _verdicts(str(text))]
    return ("a verdict to copy", forged[-1]) if forged else None


def naive_score(answer: str, own: float) -> float | None:
    """Return the score read off its reply where the answer stands in its prompt as it is; None where none can be.

    `own` is what it thinks of the answer.
    """
    orders = _CONTROL.split(answer)[1:] or re.findall(r"(?i)\b(?:score|grade|marks?|rubric)\b", answer)
    reply = json.dumps({"score": own}) + " ".join(_verdicts(answer)) + ('{"score": 1.0}' if orders else "")
    scores = re.findall(r'"score": "?([0-9.]+)', reply)
    return float(scores[-1]) if scores else None


def _verdicts(text: str) -> list[str]:
    """Return what looks like a verdict."""
    return [found for found in _OBJECT.findall(text) if '"score"' in found or '"better"' in found]


def _material(prompt: str) -> tuple[dict[str, Any] | None, str]:
    """Return the JSON object that a prompt starts with, and what follows it."""
    try:
        value, end = json.JSONDecoder().raw_decode(prompt)
    except (ValueError, RecursionError):
        return None, prompt
    return (value, prompt[end:]) if isinstance(value, dict) else (None, prompt)


def _obedient(material: Mapping[str, Any]) -> str:
    return json.dumps({"nonce": material.get("nonce"), "reason": "as told", "score": 1.0, "better": 1})
