"""Learns from feedback how good the answers are of which the judges said so much; it judges nothing itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import numpy as np

from bandit_router.policy.lesson import answers, served
from bandit_router.policy.ridge import Ridge, Vector
from bandit_router.types import Event, Judged, Step

KNOTS: Final = 6
"""Verdicts are told apart at this many evenly spaced points of [0, 1], linearly in between."""
NOISE: Final = 0.15
"""Variance of the truth around what is expected of it; for right or wrong it is 0.25 at most."""
DEVIATION: Final = (0.3, 0.1)
"""How far verdicts may be off: at a knot, and for one model against the others."""


class Verdicts:
    """What a verdict is worth: itself until feedback says otherwise, then that corrected by verdict and by model."""

    def __init__(self, columns: dict[str, int] | None = None, ridge: Ridge | None = None) -> None:
        self._columns = columns or {}
        self._ridge = ridge or Ridge(noise=NOISE)

    def worth(self, judged: Judged) -> float | None:
        """Return the expected true quality in [0, 1] of an attempt; None when it was not judged."""
        if judged.quality is None:
            return None
        return min(max(judged.quality + self._ridge.predict(self._vector(judged.quality, judged)), 0.0), 1.0)

    def worths(self, event: Event) -> Iterator[tuple[Step, float]]:
        """Yield the step to every answer of known quality, with that: what the client said, else the verdict's worth.

        An event of kind `feedback` repeats its decision, so that of it only the answer served is new.
        """
        for step, judged in answers(event):
            said = event.feedback if judged is served(event) else None
            worth = self.worth(judged) if said is None and event.kind == "finished" else said
            if worth is not None:
                yield step, worth

    def correction(self, event: Event) -> float:
        """Return what to add to an event's reward for the judges' error; 0 where the client spoke."""
        judged = served(event)
        if judged is None or judged.quality is None or event.feedback is not None:
            return 0.0
        return (self.worth(judged) or 0.0) - judged.quality

    def learn(self, event: Event) -> None:
        """Learn from an event with feedback on an answer that was judged; others teach nothing."""
        judged = served(event)
        if judged is None or judged.quality is None or event.truth is None:
            return
        self._columns.setdefault(judged.attempt.model, len(self._columns))
        self._ridge.learn(self._vector(judged.quality, judged), event.truth - judged.quality)

    def dump(self) -> dict[str, bytes]:
        """Return what was learned, by part."""
        return {"verdict_columns": json.dumps(self._columns).encode(), "verdicts": self._ridge.dump()}

    @classmethod
    def load(cls, parts: dict[str, bytes]) -> Verdicts:
        """Return what was dumped, to the bit."""
        return cls(json.loads(parts["verdict_columns"]), Ridge.load(parts["verdicts"], noise=NOISE))

    def _vector(self, quality: float, judged: Judged) -> Vector:
        x = np.zeros(KNOTS + len(self._columns))
        x[:KNOTS] = DEVIATION[0] * hat(quality, KNOTS)
        if (column := self._columns.get(judged.attempt.model)) is not None:
            x[KNOTS + column] = DEVIATION[1]
        return x


def hat(value: float, knots: int) -> Vector:
    """Return how near a value in [0, 1] is to each of evenly spaced knots: linear interpolation, summing to 1.

    >>> hat(0.25, 3).tolist()
    [0.5, 0.5, 0.0]
    """
    return np.asarray(np.maximum(0.0, 1 - np.abs(value * (knots - 1) - np.arange(knots))))
