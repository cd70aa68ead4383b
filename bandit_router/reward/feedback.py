"""What feedback means: each kind's score and weight, and what all that was said of an answer comes to; it stores none.

A review overrides everything, what a client says outright (score, label, thumbs) goes before what is only a sign of
it (retry, edit distance, copied), and signs do not replace what the judges said: they move it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from bandit_router.errors import BadRequest, did_you_mean
from bandit_router.types import Feedback, FeedbackKind

LABELS: Final[Mapping[str, float]] = MappingProxyType(
    {"good": 1.0, "bad": 0.0, "up": 1.0, "down": 0.0, "correct": 1.0, "incorrect": 0.0, "partial": 0.5}
)
THUMBS: Final[Mapping[str, float]] = MappingProxyType({"up": 1.0, "down": 0.0})
SIGNS: Final[Mapping[FeedbackKind, float]] = MappingProxyType({"retry": 0.2, "copied": 0.9})
"""What a sign that is there or not stands for: one may ask again out of interest, and copy what is wrong."""

WEIGHTS: Final[Mapping[FeedbackKind, float]] = MappingProxyType(
    {"review": 1.0, "score": 1.0, "label": 1.0, "thumbs": 0.5, "edit_distance": 1.0, "retry": 0.5, "copied": 0.25}
)
PANEL: Final = 1.0
"""The weight of the judges' quality against signs."""
_TRUTH: Final[Sequence[frozenset[FeedbackKind]]] = (frozenset({"review"}), frozenset({"score", "label", "thumbs"}))
"""What counts as ground truth; the first of these that there is any of counts alone."""


def combine(feedback: Sequence[Feedback], quality: float | None) -> float | None:
    """Return what the feedback, in the order it came, comes to in [0, 1]; None when there is none that came in time.

    Truth is averaged by weight. Without any, signs are averaged, the last of each kind, together with `quality`, what
    the judges said in [0, 1]; None when the answer was not judged.
    """
    heard = [given for given in feedback if not given.late]
    for kinds in _TRUTH:
        if told := [(given.score, WEIGHTS[given.kind]) for given in heard if given.kind in kinds]:
            return _mean(told)
    signs = {given.kind: given.score for given in heard}
    if not signs:
        return None
    judged = [] if quality is None else [(quality, PANEL)]
    return _mean([*judged, *((signs[kind], WEIGHTS[kind]) for kind in sorted(signs))])


def score_of(score: float | None, label: str | None) -> float:
    """Return the score in [0, 1] that feedback stands for; a score given outright goes before its label.

    Raise `BadRequest` when there is neither, the score is out of range or not a number, or the label is unknown.

    >>> score_of(None, "good")
    1.0
    """
    if score is not None:
        return share(score, "score")
    if label is None:
        raise BadRequest("send a score from 0 to 1, or a label", param="score")
    return _named(label, LABELS, "label")


def thumbs_score(thumbs: str) -> float:
    """Return what a thumb stands for; raise `BadRequest` when it is neither up nor down.

    >>> thumbs_score("down")
    0.0
    """
    return _named(thumbs, THUMBS, "thumbs")


def edit_score(changed: float) -> float:
    """Return what an answer was worth of which the share `changed` in [0, 1] was changed before use; `BadRequest`.

    >>> edit_score(0.25)
    0.75
    """
    return 1.0 - share(changed, "edit_distance")


def share(value: float, name: str) -> float:
    """Return a number from 0 to 1; raise `BadRequest` for any other."""
    if not math.isfinite(value) or not 0.0 <= value <= 1.0:
        raise BadRequest(f"{name} must be a number from 0 to 1, not {value}", param=name)
    return value


def _named(name: str, known: Mapping[str, float], param: str) -> float:
    if name not in known:
        raise BadRequest(f"unknown {param} {name!r}; {did_you_mean(name, known)}", param=param)
    return known[name]


def _mean(weighed: Iterable[tuple[float, float]]) -> float:
    scores, weights = zip(*weighed, strict=True)
    return math.fsum(map(math.prod, zip(scores, weights, strict=True))) / math.fsum(weights)
