"""Asks every judge about an answer and gives one judgement; how verdicts become a quality is in `combine`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bandit_router.judge.combine import combine
from bandit_router.judge.rules import HARD, RulesJudge
from bandit_router.protocols import Judge
from bandit_router.types import Case, Judgement, Verdict

logger = logging.getLogger(__name__)

HAND_IN_S: Final = (0.05, 0.5)
HAND_IN_SHARE: Final = 0.1
"""Of the time left so much, within these bounds, is kept back: first judges can still say what they spent, then the
panel is cut off, and the answer has yet to be logged and sent before the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A judge with its weight in the panel's mean, its share of the answers in [0, 1], and its time in seconds."""

    judge: Judge
    weight: float = 1.0
    share: float = 1.0
    timeout_s: float = 20.0


class Panel:
    """Judges in their seats. Rules cap the quality; the others, weighed, make it.

    The rules, which are free and instantaneous, go first. Where one of them fails an answer outright (score 0: empty,
    not the JSON that was asked for, a tool call that does not parse), the others are not asked, because no verdict of
    theirs could change the quality. The others are asked beside each other, each by its own share of the answers;
    `chance` is true with the probability given.
    """

    def __init__(self, seats: Sequence[Seat], *, chance: Callable[[float], bool]) -> None:
        self._rules = tuple(seat.judge for seat in seats if isinstance(seat.judge, RulesJudge))
        self._graders = tuple(seat for seat in seats if not isinstance(seat.judge, RulesJudge))
        self._chance = chance

    @property
    def expected_cost_usd(self) -> float:
        """What judging one answer is expected to cost, in USD."""
        return sum(seat.share * seat.judge.cost_usd for seat in self._graders)

    async def judge(self, case: Case, /, *, left_s: float) -> Judgement:
        """Return the judgement within `left_s` seconds, of the verdicts that are there by then.

        A judge that fails, or has nothing to go by, is left out of the quality and kept among the verdicts.
        """
        rules = [await judge.grade(case, timeout_s=left_s) for judge in self._rules]
        graders = () if any(verdict.score == HARD for verdict in rules) else self._graders
        verdicts = await self._ask(graders, case, left_s=left_s)
        for verdict in verdicts:
            _report(verdict)
        graded = [(verdict, seat.weight) for verdict, seat in zip(verdicts, graders, strict=True)]
        return Judgement(quality=combine(rules, graded), verdicts=(*rules, *verdicts))

    async def _ask(self, graders: Sequence[Seat], case: Case, *, left_s: float) -> list[Verdict]:
        """Return a verdict of each judge; of one that was not asked, or has not answered in time, that."""
        kept_back = hand_in_s(left_s)
        if left_s <= kept_back:
            return [_late(seat) for seat in graders]
        tasks = [self._start(seat, case, left_s=left_s - kept_back) for seat in graders]
        asked = [task for task in tasks if task]
        try:
            if asked:
                await asyncio.wait(asked, timeout=left_s - kept_back / 2)
            return [_verdict(seat, task) for seat, task in zip(graders, tasks, strict=True)]
        finally:
            for task in asked:
                task.cancel()

    def _start(self, seat: Seat, case: Case, *, left_s: float) -> asyncio.Task[Verdict] | None:
        """Ask a judge; None when its share of the answers leaves this one out."""
        if seat.share < 1 and not self._chance(seat.share):
            return None
        return asyncio.create_task(seat.judge.grade(case, timeout_s=min(seat.timeout_s, left_s)))


def hand_in_s(left_s: float) -> float:
    """Return how many of the seconds left are kept back.

    >>> [hand_in_s(left_s) for left_s in (120.0, 1.0, 0.1)]
    [0.5, 0.1, 0.05]
    """
    least, most = HAND_IN_S
    return min(max(HAND_IN_SHARE * left_s, least), most)


def _verdict(seat: Seat, task: asyncio.Task[Verdict] | None) -> Verdict:
    if task is None:
        reason = f"by its share of {seat.share:g}"
        return Verdict(judge=seat.judge.name, score=None, skipped="not_asked", reason=reason)
    return task.result() if task.done() else _late(seat)


def _late(seat: Seat) -> Verdict:
    return Verdict(judge=seat.judge.name, score=None, error="timeout: the request's deadline came first")


def _report(verdict: Verdict) -> None:
    if verdict.error is not None:
        # What follows the kind of failure is the provider's message, which may quote the request.
        kind = verdict.error.partition(":")[0]
        logger.warning("judge %s gave no verdict and is left out: %s", verdict.judge, kind)
    if verdict.own_family:
        logger.warning("judge %s graded its own family (%s): no other was left", verdict.judge, verdict.grader)
