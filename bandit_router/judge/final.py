"""Finds the final answer that a text comes to, where it states one, and compares two; it grades nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from bandit_router.judge.fences import blocks
from bandit_router.judge.form import parse_json

_LONGEST_TEXT: Final = 20_000
"""Final answers stand at the end; reading more would hold up other requests."""
_LONGEST: Final = 200
"""A longer text after `Answer:` is an essay, not a final answer."""
_MARKED: Final = re.compile(
    r"^[ \t>*_#]*(?:(?:so|thus|therefore|hence),?\s+)?(?:the\s+)?(?:final\s+|correct\s+)?"
    r"(?:answer|result|option|choice)"
    r"[ \t*_]*(?::|=|\bis\b:?)[ \t*_]*(?P<said>\S[^\n]*)$|^\s*####\s*(?P<hashed>\S[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_BOXED: Final = re.compile(r"\\(?:boxed|fbox)\s*\{")
_CHOICE: Final = re.compile(r"(?:option|choice)?\s*\(?\[?(?P<letter>[A-Ja-j])(?:[).\]:]|$)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[-+\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
_ORNAMENT: Final = re.compile(r"\\(?:text|mathrm|mathbf|left|right|displaystyle|,|;|!|\s)|[$*_`{}\s]|\\?[()\[\]]")


def final_answer(text: str, *, numeric: bool = False) -> str | Mapping[str, Any] | None:
    r"""Return the last final answer that a text states, in one spelling; an object when it is JSON; None without one.

    `numeric` says that the question asks for a number: then the last number counts when nothing else is marked.

    >>> final_answer("It follows.\nAnswer: **1,024.0**"), final_answer(r"so \boxed{B}"), final_answer("Perhaps.")
    ('1024', 'b', None)
    """
    whole = text.strip()[-_LONGEST_TEXT:]
    stated = _boxed(whole) or _marked(whole)
    value = _json(whole, fenced=stated is None)
    if isinstance(value, Mapping):
        return value
    if stated is None and len(whole) <= _LONGEST and "\n" not in whole and _is_short(whole):
        stated = whole
    if stated is None and numeric:
        numbers = _NUMBER.findall(whole)
        stated = numbers[-1] if numbers else None
    return _spelling(stated) if stated is not None else None


def agreement(one: str | Mapping[str, Any], other: str | Mapping[str, Any]) -> float:
    """Return how far two final answers agree, in [0, 1]: 0 or 1, and for objects the share of keys with equal values.

    >>> agreement({"a": 1, "b": 2}, {"a": 1, "b": 3})
    0.5
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = one.keys() | other.keys()
        same = sum(key in one and key in other and _canonical(one[key]) == _canonical(other[key]) for key in keys)
        return same / len(keys) if keys else 1.0
    return float(one == other)


def _json(text: str, *, fenced: bool) -> Any:
    """Return the JSON that a text is, or holds in its last fence where `fenced`; None when there is none."""
    found = [block.code for block in blocks(text) if block.language == "json"] if fenced else []
    try:
        return parse_json(found[-1] if found else text)
    except ValueError:
        return None


def _boxed(text: str) -> str | None:
    """Return what stands in the last box, with braces inside it balanced; None when it is not closed."""
    starts = [found.end() for found in _BOXED.finditer(text)]
    if not starts:
        return None
    depth = 1
    for place in range(starts[-1], len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[starts[-1] : place]
    return None


def _marked(text: str) -> str | None:
    said = [found["said"] or found["hashed"] for found in _MARKED.finditer(text)]
    return said[-1] if said and len(said[-1]) <= _LONGEST else None


def _is_short(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text.strip("$*. ")) or re.fullmatch(r"\(?[A-Ja-j][).]?", text.strip("*. ")))


def _spelling(stated: str) -> str:
    """Return a choice as its letter, a number in its shortest form, other words in lower case without ornament."""
    stripped = stated.strip(" \t*_.$`")
    choice = _CHOICE.match(stripped)
    if choice:
        return choice["letter"].lower()
    plain = _ORNAMENT.sub("", stated).rstrip(".,;!").casefold()
    return _number(plain) or plain


def _number(plain: str) -> str | None:
    found = _NUMBER.match(plain.replace("\u2212", "-").lstrip("€£¥≈="))
    if not found:
        return None
    # What follows a number is its unit; a fraction, a range or a power is another number.
    rest = plain.lstrip("€£¥≈=")[found.end() :]
    if rest and not re.fullmatch(r"%|[^\W\d]*", rest):
        return None
    try:
        value = Decimal(found[0].replace(",", ""))
    except InvalidOperation:
        return None
    return f"{value.normalize():f}" if abs(value.adjusted()) < 40 else str(value.normalize())


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str).casefold()
