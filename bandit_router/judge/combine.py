"""Makes one quality of a panel's verdicts; it asks no judge."""

from __future__ import annotations

from collections.abc import Sequence

from bandit_router.types import Verdict

PASS = 1.0
"""The score of a rules verdict that found nothing wrong."""


def combine(rules: Sequence[Verdict], graded: Sequence[tuple[Verdict, float]]) -> float | None:
    """Return the quality in [0, 1]: the weighted mean of the graded verdicts, capped by the rules; None when unknown.

    A verdict without a score is left out. Rules that pass say nothing of their own when graders were asked: with every
    grader failed the quality is unknown, never zero. Rules that fail give their low score whatever the graders do.
    """
    caps = [verdict.score for verdict in rules if verdict.score is not None]
    scores = [(verdict.score, weight) for verdict, weight in graded if verdict.score is not None]
    if scores:
        total = sum(weight for _, weight in scores)
        return min([*caps, sum(score * weight for score, weight in scores) / total])
    cap = min(caps, default=None)
    return None if graded and cap == PASS else cap
