"""Grades an answer by checks that need no model; it finds faults of form and says nothing of the substance."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bandit_router.judge import form, speech
from bandit_router.judge.combine import PASS
from bandit_router.types import Case, ChatRequest, Completion, Verdict

HARD: Final = 0.0
"""The score of an answer that no client can use; paid judges are not asked about it."""

Check = Callable[[ChatRequest, Completion], str | None]
"""Returns what is wrong with the answer, None when nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check with the score of an answer that fails it."""

    name: str
    score: float
    check: Check


RULES: Final = (
    Rule(name="empty", score=HARD, check=form.empty),
    Rule(name="tool_arguments_unparsable", score=HARD, check=form.tool_arguments_unparsable),
    Rule(name="json_unparsable", score=HARD, check=form.json_unparsable),
    Rule(name="refusal", score=0.1, check=speech.refusal),
    Rule(name="tool_call_mismatch", score=0.1, check=form.tool_call_mismatch),
    Rule(name="json_schema_mismatch", score=0.1, check=form.json_schema_mismatch),
    Rule(name="degenerate", score=0.1, check=speech.degenerate),
    Rule(name="cut_off", score=0.2, check=form.cut_off),
    Rule(name="code_unparsable", score=0.2, check=form.code_unparsable),
)
"""Worst first: an answer gets the score of the first rule it fails."""


class RulesJudge:
    """Scores 1 when every rule passes, else as the worst failed rule says, with its name in the reason. Free."""

    def __init__(self, name: str = "rules", *, clock: Callable[[], float] = time.perf_counter) -> None:
        self.name, self._clock = name, clock

    @property
    def cost_usd(self) -> float:
        """Nothing."""
        return 0.0

    async def grade(self, case: Case, /, *, timeout_s: float) -> Verdict:  # noqa: ARG002
        """Return a verdict, the same for the same answer; it always has a score, and comes at once."""
        started = self._clock()
        score, reason = first_failure(case.request, case.answer.completion) or (PASS, "")
        return Verdict(judge=self.name, score=score, reason=reason, latency_s=self._clock() - started)


def first_failure(request: ChatRequest, completion: Completion) -> tuple[float, str] | None:
    """Return (score, reason) of the first rule that the answer fails, None when it fails none."""
    for rule in RULES:
        fault = rule.check(request, completion)
        if fault is not None:
            return rule.score, f"{rule.name}: {fault}"
    return None
