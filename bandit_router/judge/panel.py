"""Asks every judge about an answer and gives one judgement; how verdicts become a quality is in `combine`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from bandit_router.judge.combine import combine
from bandit_router.judge.rules import HARD, RulesJudge
from bandit_router.protocols import Judge
from bandit_router.types import ChatRequest, Completion, Judgement, Verdict

logger = logging.getLogger(__name__)


class Panel:
    """Judges with their weights. Rules cap the quality; the others, weighed, make it.

    The rules, which are free and instantaneous, go first. Where one of them fails an answer outright (score 0: empty,
    not the JSON that was asked for, a tool call that does not parse), the paid judges are not asked, because no verdict
    of theirs could change the quality.
    """

    def __init__(self, judges: Sequence[tuple[Judge, float]]) -> None:
        self._rules = tuple(judge for judge, _ in judges if isinstance(judge, RulesJudge))
        self._graders = tuple((judge, weight) for judge, weight in judges if not isinstance(judge, RulesJudge))

    @property
    def expected_cost_usd(self) -> float:
        """What judging one answer is expected to cost, in USD."""
        return sum(judge.cost_usd for judge, _ in self._graders)

    async def judge(self, request: ChatRequest, completion: Completion, /) -> Judgement:
        """Return the judgement; a judge that fails is left out of the quality, logged, and kept among the verdicts."""
        rules = [await judge.grade(request, completion) for judge in self._rules]
        graders = () if any(verdict.score == HARD for verdict in rules) else self._graders
        verdicts = await asyncio.gather(*(judge.grade(request, completion) for judge, _ in graders))
        for verdict in verdicts:
            _report(verdict)
        graded = [(verdict, weight) for verdict, (_, weight) in zip(verdicts, graders, strict=True)]
        return Judgement(quality=combine(rules, graded), verdicts=(*rules, *verdicts))


def _report(verdict: Verdict) -> None:
    if verdict.error is not None:
        # What follows the kind of failure is the provider's message, which may quote the request.
        kind = verdict.error.partition(":")[0]
        logger.warning("judge %s gave no verdict and is left out: %s", verdict.judge, kind)
