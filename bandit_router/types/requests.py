"""What a client asks, and what a policy may see of it; no rules live here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A chat completion as the client sent it: messages, and parameters passed through untouched."""

    messages: tuple[Mapping[str, Any], ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    """OpenAI's parameters but `model`, `messages` and those of streaming; `metadata` without the router's hints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a client may ask of the router for one request; None leaves the configured default."""

    value_usd: float | None = None
    value_s: float | None = None
    max_cost_usd: float | None = None
    min_quality: float | None = None
    allow: frozenset[str] | None = None
    deny: frozenset[str] = frozenset()
    region: str | None = None
    policy: str | None = None
    session: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request asked for beside its messages: with these it can be put to another model later."""

    params: Mapping[str, Any] = field(default_factory=dict)
    """As in `ChatRequest`."""
    hints: Hints = field(default_factory=Hints)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Context:
    """What a policy may look at. It never holds the prompt itself.

    `embedding` is float32 of shape (d,), L2-normalised; `surface` holds named numbers, most in [0, 1];
    `confidence` in [0, 1] belongs to `category`; `key` is a content hash of the conversation.
    """

    category: str
    confidence: float
    surface: Mapping[str, float]
    embedding: NDArray[np.float32]
    key: str
