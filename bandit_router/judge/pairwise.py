"""Grades an answer by comparing it with the best of those had before; with none at hand it abstains."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from bandit_router.judge.asking import Examiner, Opinion, Sitting, abstain
from bandit_router.judge.criteria import criteria_for
from bandit_router.judge.prompt import parse_preference, render_pair
from bandit_router.types import Case, Reply, Verdict

_UNKNOWN: Final = 0.5
_WORTH: Final = {0: 0.5, 1: 1.0, 2: 0.0}
"""What a preference is worth to the first answer."""


class PairwiseJudge:
    """A model compares two answers in both orders, against its bias for a place (Zheng et al. 2023, MT-bench).

    The score is the mean of both: 1 when the new answer wins in either place, 0 when it loses in either, 0.5 when the
    orders disagree.
    """

    def __init__(self, examiner: Examiner, *, criteria: Mapping[str, str]) -> None:
        self.name, self._examiner, self._criteria = examiner.name, examiner, criteria

    @property
    def cost_usd(self) -> float:
        """Expected price of a verdict, both orders together, in USD."""
        return self._examiner.cost_usd

    async def grade(self, case: Case, /, *, timeout_s: float) -> Verdict:
        """Return a verdict; it fails as a whole when one of its two comparisons does."""
        if not case.earlier:
            return abstain(self.name, "no second answer at hand")
        rival = best(case.earlier)
        criteria = criteria_for(case.category, self._criteria)

        async def compare(sitting: Sitting, first: Reply, second: Reply) -> tuple[int, str]:
            pair = (first.completion, second.completion)
            return await sitting.ask(
                lambda nonce, problem: render_pair(case.request, pair, nonce=nonce, criteria=criteria, problem=problem),
                parse_preference,
                share=0.5,
            )

        async def work(sitting: Sitting) -> Opinion:
            # Both end before either's failure is told, so that what they cost is known.
            found = await asyncio.gather(
                compare(sitting, case.answer, rival), compare(sitting, rival, case.answer), return_exceptions=True
            )
            return _opinion(*map(_result, found))

        return await self._examiner.verdict([case.answer, rival], work, timeout_s=timeout_s)


def best(replies: tuple[Reply, ...]) -> Reply:
    """Return the best judged answer, the later among equals; one not judged stands in the middle."""
    ranked = [(_UNKNOWN if reply.quality is None else reply.quality, place) for place, reply in enumerate(replies)]
    return replies[max(ranked)[1]]


def _result(found: tuple[int, str] | BaseException) -> tuple[int, str]:
    if isinstance(found, BaseException):
        raise found
    return found


def _opinion(first: tuple[int, str], second: tuple[int, str]) -> Opinion:
    """Return what is said of the answer that came first in the first order and second in the second."""
    as_first, as_second = _WORTH[first[0]], 1 - _WORTH[second[0]]
    disagree = abs(as_first - as_second) == 1
    reason = "the orders disagree" if disagree else first[1]
    return Opinion(score=(as_first + as_second) / 2, reason=reason, preferred=(first[0], second[0]))
