"""Draws random numbers that depend on nothing but their key; it holds no state."""

from __future__ import annotations

import hashlib
from statistics import NormalDist

_STANDARD = NormalDist()


def uniform(*key: object) -> float:
    """Return a number in (0, 1), the same for the same key.

    >>> uniform(0, "a") == uniform(0, "a") != uniform(1, "a")
    True
    """
    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode(errors="replace"), digest_size=8).digest()
    return ((int.from_bytes(digest) >> 12) + 0.5) / 2**52


def normal(*key: object) -> float:
    """Return a draw from N(0, 1), the same for the same key."""
    return _STANDARD.inv_cdf(uniform(*key))
