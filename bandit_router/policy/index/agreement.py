"""Learns from verdicts on several answers to one query what judges are worth, without feedback; it knows no models."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.judges import SLOPES
from bandit_router.policy.index.predictor import LOADING, NODES, WEIGHTS, logistic, stretched
from bandit_router.policy.index.space import Vector

LOADINGS: Final[Vector] = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
DEVIATION: Final = 0.5
"""How much answers to one query really go together (`LOADING`) is known so well, in logits."""
MOODS: Final = math.log(10)
"""How much more probable than a lower slope one can be for that: the odds that a judge has no moods."""
KEEP: Final = 0.9995
"""What remains of the evidence of earlier queries at each new one: it follows about 2,000."""


class Agreement:
    """How probable the verdicts on answers to one query are together, for each slope a judge may have.

    Answers to a hard query fail together, so a judge that can tell good from bad says so of them together. One whose
    verdicts have too little in common is a poor one. That they have much in common proves little: a judge may be in a
    mood, harsh on a query whatever the answers; so a slope is not much more probable for that than those below it.
    """

    def __init__(self) -> None:
        self.evidence: NDArray[np.float64] = np.zeros((len(SLOPES), len(LOADINGS)))
        self.count = 0.0
        self.told: Vector = np.zeros(len(SLOPES))
        """The log likelihood of each slope as it was last told; it holds until it is told again."""

    def note(self, p: Vector, ratios: NDArray[np.float64], mixture: Callable[[Vector], Vector]) -> None:
        """Take in verdicts on n answers to one query, each of which was good with probability p (n).

        `ratios` (slopes, n) are the odds of each verdict, good answers against bad, for every slope; `mixture` gives
        the share of good ones in the verdicts for any P(good).
        """
        logit = np.log(p / (1 - p))[:, None] * stretched(LOADINGS)
        good = mixture(logistic(logit[..., None] + LOADINGS[:, None] * NODES))
        said = good * (ratios[:, :, None, None] - 1.0) + 1.0
        together, apart = said.prod(axis=1).dot(WEIGHTS), said.dot(WEIGHTS).prod(axis=1)
        self.evidence = KEEP * self.evidence + np.log(together / apart)
        self.count += 1

    def tell(self) -> None:
        """Let what was learned hold from here on."""
        self.told = self.logs()

    def logs(self) -> Vector:
        """Return the log likelihood of each slope (slopes), none much less than a higher one's."""
        prior = -0.5 * ((LOADINGS - LOADING[0]) / DEVIATION) ** 2
        logs = np.logaddexp.reduce(self.evidence + prior, axis=1)
        return np.maximum(logs, np.maximum.accumulate(logs[::-1])[::-1] - MOODS)
