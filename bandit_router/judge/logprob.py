"""Grades an answer by how sure its model was of its own words; a model that does not say so gets no verdict."""

from __future__ import annotations

import math

from bandit_router.judge.asking import abstain
from bandit_router.types import Case, Verdict


class LogprobJudge:
    """Scores the geometric mean of the tokens' probabilities. Free."""

    def __init__(self, name: str) -> None:
        self.name, self.cost_usd = name, 0.0

    async def grade(self, case: Case, /, *, timeout_s: float) -> Verdict:  # noqa: ARG002
        """Return a verdict; without log probabilities it abstains."""
        mean = case.answer.completion.mean_logprob
        if mean is None:
            return abstain(self.name, "the provider gave no log probabilities")
        return Verdict(judge=self.name, score=math.exp(min(mean, 0.0)))
