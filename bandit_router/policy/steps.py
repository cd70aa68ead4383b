"""Turns the attempts so far into named numbers, for a linear learner of what to do next; it hashes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bandit_router.policy.features import INTERACTIONS, Pairs, action_features
from bandit_router.policy.verdicts import Verdicts, hat
from bandit_router.types import Action, Judged

STEP_INTERACTIONS: Final = (*INTERACTIONS, "ah", "at", "ph", "pt")
"""What is known before a start, and the model and its price each with what was found: at best, and model by model."""
STEP_CROSSED_ONLY: Final = ("c", "s", "e", "v", "h", "t")
KNOTS: Final = 6
"""The worth of an answer is told apart at this many points of [0, 1], linearly in between."""


def history_features(history: Sequence[Judged], verdicts: Verdicts) -> dict[str, Pairs]:
    """Return h (the best and the last answer, how many there were) and t (each model tried and what it was worth).

    An answer that could not be judged is a feature of its own, not a bad answer.
    """
    worths = [verdicts.worth(judged) for judged in history]
    best = max((worth for worth in worths if worth is not None), default=None)
    found = [*_spread("best", best), *_spread("last", worths[-1]), (f"tried{len(worths)}", 1.0)]
    tried = [pair for judged, worth in zip(history, worths, strict=True) for pair in _tried(judged, worth)]
    return {"h": found, "t": tried}


def step_features(action: Action, value_usd: float) -> dict[str, Pairs]:
    """Return what is known of an action after an answer: stop is a name without a price."""
    return {"a": [(action.model, 1.0)]} if action.is_stop else action_features(action, value_usd)


def _tried(judged: Judged, worth: float | None) -> Pairs:
    name = judged.attempt.model
    unknown = f"{name} {'unjudged' if judged.ok else 'failed'}"
    return [(name, 1.0), (unknown, 1.0) if worth is None else (f"{name} worth", worth)]


def _spread(name: str, worth: float | None) -> Pairs:
    if worth is None:
        return [(f"{name} unknown", 1.0)]
    return [(f"{name}{knot}", near) for knot, near in enumerate(hat(worth, KNOTS).tolist()) if near]
