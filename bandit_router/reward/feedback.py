"""What a client's feedback means as a score; it does not store it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bandit_router.errors import BadRequest, did_you_mean

LABELS: Final[Mapping[str, float]] = MappingProxyType(
    {"good": 1.0, "bad": 0.0, "up": 1.0, "down": 0.0, "correct": 1.0, "incorrect": 0.0, "partial": 0.5}
)


def score_of(score: float | None, label: str | None) -> float:
    """Return the score in [0, 1] that feedback stands for; a score given outright goes before its label.

    Raise `BadRequest` when there is neither, the score is out of range or not a number, or the label is unknown.

    >>> score_of(None, "good")
    1.0
    """
    if score is not None:
        if not math.isfinite(score) or not 0.0 <= score <= 1.0:
            raise BadRequest(f"score must be a number from 0 to 1, not {score}", param="score")
        return score
    if label is None:
        raise BadRequest("send a score from 0 to 1, or a label", param="score")
    if label not in LABELS:
        raise BadRequest(f"unknown label {label!r}; {did_you_mean(label, LABELS)}", param="label")
    return LABELS[label]
