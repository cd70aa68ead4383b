"""Turns a context and an action into named numbers for a linear learner; it hashes nothing and learns nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.types import Action, Context

Pairs = Sequence[tuple[str, float]]

INTERACTIONS: Final = ("ac", "as", "ae", "av", "pc", "ps")
"""Namespaces multiplied with each other: the model and its price, each with what is known of the request."""
CROSSED_ONLY: Final = ("c", "s", "e", "v")
"""Namespaces of the request: by themselves they add the same to every action, which tells no two of them apart."""


def request_features(
    context: Context, value_usd: float, value_s: float | None = None, *, dims: int
) -> dict[str, Pairs | NDArray[np.float32]]:
    """Return what every action shares: c(ategory, by confidence), s(urface), e(mbedding), v(alue of an answer, time).

    The first `dims` numbers of the embedding are used: embeddings of the Matryoshka kind put what matters most first.
    """
    surface = [(name, float(value)) for name, value in context.surface.items() if math.isfinite(value)]
    embedding = context.embedding[:dims]
    embedding = embedding if np.isfinite(embedding).all() else np.zeros_like(embedding)
    return {
        "c": [(context.category, _finite(context.confidence))],
        "s": surface,
        "e": embedding,
        "v": [("log", _log10(value_usd) + 2), *_hurry(value_s)],
    }


def action_features(action: Action, value_usd: float) -> dict[str, Pairs]:
    """Return what is known of one action before it answers: a (which model), p (its tier and price)."""
    return {
        "a": [(action.model, 1.0)],
        "p": [
            (f"tier{action.tier}", 1.0),
            ("log", (_log10(action.cost_usd) + 6) / 6),
            ("share", min(action.cost_usd / max(value_usd, 1e-9), 1.0)),
        ],
    }


def _log10(value: float) -> float:
    """Return log10, with everything under a millionth of a dollar counted as that."""
    return math.log10(max(value, 1e-6))


def _hurry(value_s: float | None) -> Pairs:
    """Return nothing where time is free, so that all is as it would be without a dial for it."""
    return [] if value_s is None else [("hurry", 1.0), ("log_s", _log10(value_s) - 2)]


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
