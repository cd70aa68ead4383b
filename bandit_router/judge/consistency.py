"""Grades an answer by how far those had before agree with it; it does not know which of them is right."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from bandit_router.judge.asking import abstain
from bandit_router.judge.final import agreement, final_answer
from bandit_router.judge.form import parse_json
from bandit_router.judge.likeness import coverage, within
from bandit_router.judge.reading import answer_of, calls_of
from bandit_router.protocols import Embedder
from bandit_router.types import Case, Completion, Verdict

_NUMERIC: Final = "math"
"""The stem of the categories whose questions ask for a number."""


class ConsistencyJudge:
    """Scores the mean agreement with each earlier answer.

    Two tool calls agree when tool and arguments are the same, two final answers (a number, a choice, a box, JSON) when
    they are equal; where either states none, how far this answer covers the other counts.
    """

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
        """Return a verdict; with no earlier answer at hand it abstains."""
        if not case.earlier:
            return abstain(self.name, "no second answer at hand")
        started, numeric = self._clock(), case.category.partition(".")[0] == _NUMERIC
        mine, others = case.answer.completion, [reply.completion for reply in case.earlier]
        known = [_agreement(mine, other, numeric=numeric) for other in others]
        score, error = await within(timeout_s, self._mean(mine, others, known))
        return Verdict(
            judge=self.name,
            score=score,
            error=error,
            cost_usd=self.cost_usd if None in known else 0.0,
            latency_s=self._clock() - started,
            reason=f"compared with {len(others)}, by final answer with {len(others) - known.count(None)}",
        )

    async def _mean(self, mine: Completion, others: list[Completion], known: list[float | None]) -> float:
        unknown = [answer_of(other) for other, found in zip(others, known, strict=True) if found is None]
        alike = await coverage(answer_of(mine), unknown, embedder=self._embedder) if unknown else []
        return sum([*alike, *(found for found in known if found is not None)]) / len(others)


def _agreement(one: Completion, other: Completion, *, numeric: bool) -> float | None:
    """Return how far tool calls or final answers agree, in [0, 1]; None when there are none to compare."""
    calls = [list(map(_call, calls_of(each.message))) for each in (one, other)]
    if any(calls):
        return float(calls[0] == calls[1])
    first, second = (final_answer(each.text, numeric=numeric) for each in (one, other))
    return None if first is None or second is None else agreement(first, second)


def _call(call: Mapping[str, Any]) -> tuple[object, object]:
    """Return a call's name and its arguments, as values where they are JSON: spelling does not count."""
    arguments = call.get("arguments")
    try:
        return call.get("name"), parse_json(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return call.get("name"), arguments
