"""Says of which answers the panel is unsure, and which are to be looked at by chance; it queues none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from bandit_router.judge.combine import PASS
from bandit_router.types import AUDIT, Outcome, Verdict

Reason = Literal["audit", "disagreement", "margin"]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

EVEN: Final = 0.5
"""The quality at which an answer is as likely good as bad."""

SLACK: Final = 1e-9
"""0.95 and 0.45 are 0.5 apart, whatever floats make of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsure:
    """The rule that sends answers to a person; called with an outcome it gives the reason, or None."""

    audit_share: float
    """Share of all answers served, in [0, 1]."""
    disagreement: float
    """How far verdicts on one answer must lie apart."""
    margin: float
    """How near to `EVEN` the quality must be."""
    rules: frozenset[str]
    """The judges by name that only find fault: that they find none says nothing of their own."""
    hints: frozenset[str] = frozenset()
    """The judges by name whose score is no estimate of quality, and so neither agrees nor disagrees with one."""

    def __call__(self, outcome: Outcome, /) -> Reason | None:
        """Return why the answer served is to be reviewed.

        Chance goes first: an audit sample without the answers that were doubtful would be none. The draw is a hash of
        the decision's id, so that the same outcome always gives the same reason.
        """
        if outcome.served is None:
            return None
        if uniform(outcome.decision_id) < self.audit_share:
            return AUDIT
        judgement = outcome.history[outcome.served].judgement
        if judgement is None or judgement.quality is None:
            return None
        opinions = [verdict for verdict in judgement.verdicts if verdict.judge not in self.hints]
        if spread(opinions, rules=self.rules) > self.disagreement - SLACK:
            return "disagreement"
        return "margin" if abs(judgement.quality - EVEN) < self.margin + SLACK else None


def spread(verdicts: Sequence[Verdict], *, rules: frozenset[str]) -> float:
    """Return how far apart the verdicts are that say something, in [0, 1]; 0 for fewer than two."""
    scores = [v.score for v in verdicts if v.score is not None and not (v.judge in rules and v.score == PASS)]
    return max(scores) - min(scores) if scores else 0.0


def uniform(name: str) -> float:
    """Return a number in [0, 1) that looks random and is always the same for a name.

    >>> uniform("a") == uniform("a") != uniform("b")
    True
    """
    return int.from_bytes(hashlib.sha256(f"audit:{name}".encode()).digest()[:6]) / 2**48
