"""Reads members of foreign JSON objects, with errors that say what is wrong; it knows no format."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bandit_router.replay.check import EARLIEST, LATEST

Object = Mapping[str, Any]
_MILLISECONDS: Final = 1e11
"""A time as great as this is of milliseconds: of seconds it would be in the year 5138."""


def number(raw: Object, *names: str, default: float | None = None) -> float:
    """Return the first of the members that is there, a finite number of 0 or more; raise ValueError."""
    for name in names:
        if (value := raw.get(name)) is not None:
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
                raise ValueError(f"{name!r} is {value!r}; it must be a number of 0 or more")
            return float(value)
    if default is None:
        raise ValueError(f"{names[0]!r} is missing; it must be a number of 0 or more")
    return default


def share(raw: Object, *names: str) -> float | None:
    """Return the first of the members that is there, a number in [0, 1], None when none is; raise ValueError."""
    for name in names:
        if (value := raw.get(name)) is not None:
            if isinstance(value, bool) and name != "score":
                value = float(value)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ValueError(f"{name!r} is {value!r}; it must be a number in [0, 1]")
            return float(value)
    return None


def text(raw: Object, *names: str, default: str | None = None) -> str:
    """Return the first of the members that is a text with something in it; raise ValueError."""
    for name in names:
        value = raw.get(name)
        if isinstance(value, str) and value:
            return value
    if default is None:
        raise ValueError(f"{names[0]!r} is missing; it must be a text")
    return default


def moment(raw: Object, *names: str) -> datetime:
    """Return a time from 1970 on in UTC, of ISO text or of seconds or milliseconds since then; raise ValueError.

    1970 where there is none.
    """
    for name in names:
        value = raw.get(name)
        try:
            found = _moment(value)
        except (OSError, OverflowError, ValueError):
            found = LATEST
        if found is not None and not EARLIEST <= found < LATEST:
            raise ValueError(f"{name!r} is {value!r}; it must be a time such as 2026-11-30T12:00:00Z")
        if found is not None:
            return found
    return EARLIEST


def _moment(value: object) -> datetime | None:
    """Return a time, None for what is neither a number nor a text with something in it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS else value, UTC)
    if not isinstance(value, str) or not value:
        return None
    found = datetime.fromisoformat(value)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def messages(value: Any) -> tuple[Object, ...]:
    """Return a conversation: a list of messages, also as JSON text, or a prompt; empty for anything else."""
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except json.JSONDecodeError:
            parsed = None
        if isinstance(parsed, list):
            value = parsed
        elif value.strip() and not isinstance(parsed, dict):
            return ({"role": "user", "content": value},)
    if isinstance(value, list) and all(isinstance(one, dict) and "role" in one for one in value):
        return tuple(value)
    return ()


def inner(raw: Object, name: str) -> Object:
    """Return a member that is an object, also as JSON text; empty for anything else."""
    value = raw.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}
