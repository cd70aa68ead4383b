"""Makes ids and tells the time; it keeps nothing."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime


def new_id() -> str:
    """Return a fresh id that sorts by time: 48 bits of milliseconds, then 80 random bits, in hex.

    >>> len(new_id())
    32
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)
