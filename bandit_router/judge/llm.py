"""Grades an answer by asking a model for a score; the wording and the reading of it are in `prompt`."""

from __future__ import annotations

from collections.abc import Mapping

from bandit_router.judge.asking import Examiner, Opinion, Sitting
from bandit_router.judge.criteria import criteria_for
from bandit_router.judge.prompt import parse_verdict, render
from bandit_router.types import Case, Verdict


class LlmJudge:
    """A judge that is a model, with a rubric and what matters most in the category of the question."""

    def __init__(self, examiner: Examiner, *, criteria: Mapping[str, str]) -> None:
        self.name, self._examiner, self._criteria = examiner.name, examiner, criteria

    @property
    def cost_usd(self) -> float:
        """Expected price of a verdict in USD."""
        return self._examiner.cost_usd

    async def grade(self, case: Case, /, *, timeout_s: float) -> Verdict:
        """Return a verdict; a second attempt, after a malformed reply, counts in the time and in the cost."""
        criteria = criteria_for(case.category, self._criteria)

        async def work(sitting: Sitting) -> Opinion:
            score, reason = await sitting.ask(
                lambda nonce, problem: render(
                    case.request, case.answer.completion, nonce=nonce, criteria=criteria, problem=problem
                ),
                parse_verdict,
            )
            return Opinion(score=score, reason=reason)

        return await self._examiner.verdict([case.answer], work, timeout_s=timeout_s)
