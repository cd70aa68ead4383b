"""Grades whether an answer is about its question, by their embeddings; it says nothing of its truth."""

from __future__ import annotations

import time
from collections.abc import Callable

from bandit_router.judge.asking import abstain
from bandit_router.judge.likeness import coverage, within
from bandit_router.judge.reading import asked, text_of
from bandit_router.protocols import Embedder
from bandit_router.types import Case, Verdict


class RelevanceJudge:
    """Scores how far the answer covers the last question."""

    def __init__(
        self,
        name: str,
        *,
        embedder: Embedder,
        cost_usd: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.name, self.cost_usd = name, cost_usd
        self._embedder, self._clock = embedder, clock

    async def grade(self, case: Case, /, *, timeout_s: float) -> Verdict:
        """Return a verdict; where question or answer has no text it abstains."""
        question, text = asked(case.request), text_of(case.answer.completion.message.get("content"))
        if not question.strip() or not text.strip():
            return abstain(self.name, "no text to compare")
        started = self._clock()
        score, error = await within(timeout_s, self._covered(question, text))
        return Verdict(
            judge=self.name,
            score=score,
            error=error,
            cost_usd=self.cost_usd,
            latency_s=self._clock() - started,
        )

    async def _covered(self, question: str, text: str) -> float:
        [covered] = await coverage(text, [question], embedder=self._embedder)
        return covered
