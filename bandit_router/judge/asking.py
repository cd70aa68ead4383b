"""Asks a grading model within its time and budget and reads its replies strictly; what is asked is its caller's."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from bandit_router.errors import ProviderError
from bandit_router.judge.family import family_of, pick
from bandit_router.judge.prompt import Messages
from bandit_router.protocols import Provider
from bandit_router.types import ChatRequest, Completion, Model, Reply, Verdict

EXPECTED_INPUT_TOKENS: Final = 800
EXPECTED_OUTPUT_TOKENS: Final = 60
MAX_TOKENS: Final = 256
_BYTES_PER_TOKEN: Final = 4
"""OpenAI's rule of thumb for English characters; counted in bytes it holds for other scripts too."""
_MEMORY: Final = 0.05
"""Weight of the newest verdict in the running mean of what a verdict costs."""

T = TypeVar("T")
Prompt = Callable[[str, str | None], Messages]
"""Writes the messages, given the nonce and, on a second attempt, what was wrong with the first reply."""
Read = Callable[[str, str], T]
"""Reads a reply, given the nonce; raises `ValueError` for any other format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What grading comes to: a score in [0, 1], why, and of a comparison what was preferred in each order."""

    score: float
    reason: str
    preferred: tuple[int, ...] = ()


class _OverBudget(Exception):
    """The next call could cost more than is left for this answer."""


@dataclass(slots=True, kw_only=True)
class Sitting:
    """One verdict in the making: who grades, what it has cost so far in USD and what it may cost."""

    provider: Provider
    grader: Model
    timeout_s: float
    nonce: str
    max_cost_usd: float | None
    cost_usd: float = 0.0

    async def ask(self, prompt: Prompt, read: Read[T], *, share: float = 1.0) -> T:
        """Return what is read from the reply, from a second one if need be; `ValueError` when that is malformed too.

        `share` of the budget is for this question and its second attempt.
        """
        left_usd = math.inf if self.max_cost_usd is None else share * self.max_cost_usd
        reply = await self._reply(prompt(self.nonce, None), left_usd=left_usd)
        try:
            return read(reply.text, self.nonce)
        except ValueError as malformed:
            problem = str(malformed)
        reply = await self._reply(prompt(self.nonce, problem), left_usd=left_usd - reply.cost_usd)
        return read(reply.text, self.nonce)

    async def _reply(self, messages: Messages, *, left_usd: float) -> Completion:
        if self._most_usd(messages) > left_usd:
            raise _OverBudget
        shape = {"response_format": {"type": "json_object"}} if self.grader.json_schema else {}
        request = ChatRequest(messages=messages, params={"temperature": 0, "max_tokens": MAX_TOKENS} | shape)
        reply = await self.provider.complete(self.grader, request, timeout_s=self.timeout_s)
        self.cost_usd += reply.cost_usd
        return reply

    def _most_usd(self, messages: Messages) -> float:
        size = sum(len(message["content"].encode()) for message in messages) / _BYTES_PER_TOKEN
        return size * self.grader.input_usd_per_token + MAX_TOKENS * self.grader.output_usd_per_token


@dataclass(slots=True, kw_only=True)
class Examiner:
    """The models that may grade for one judge, what a verdict costs them, and the rule of the families."""

    name: str
    graders: Sequence[Model]
    provider: Provider
    nonce: Callable[[], str]
    """Makes a word that no answer can hold but by chance."""
    prompt: str
    """The version of the prompt."""
    colleagues: Sequence[Model] = ()
    """Those that grade every answer for other judges of the panel."""
    max_cost_usd: float | None = None
    """What a verdict may cost, in USD."""
    cost_usd: float
    """What a verdict is expected to cost, in USD: as told at first, then a running mean of real ones."""
    clock: Callable[[], float] = time.perf_counter

    async def verdict(
        self, graded: Sequence[Reply], work: Callable[[Sitting], Awaitable[Opinion]], *, timeout_s: float
    ) -> Verdict:
        """Return the verdict that `work` comes to, or why there is none.

        A timeout, a failed call or two malformed replies are errors. A judge abstains when the next call might go over
        its budget, and when all its models are of the family graded while a colleague is not.
        """
        models = [reply.model for reply in graded]
        grader, own_family = pick(self.graders, models)
        if own_family and self.colleagues and not pick(self.colleagues, models)[1]:
            return abstain(self.name, f"its own family, {family_of(grader)}, is left to another judge")
        sitting = Sitting(
            provider=self.provider,
            grader=grader,
            timeout_s=timeout_s,
            nonce=self.nonce(),
            max_cost_usd=self.max_cost_usd,
        )
        started = self.clock()
        outcome = await _outcome(work(sitting), timeout_s=timeout_s)
        if sitting.cost_usd:
            self.cost_usd += _MEMORY * (sitting.cost_usd - self.cost_usd)
        return Verdict(
            judge=self.name,
            score=outcome.opinion.score if outcome.opinion else None,
            reason=outcome.opinion.reason if outcome.opinion else outcome.reason,
            preferred=outcome.opinion.preferred if outcome.opinion else (),
            error=outcome.error,
            skipped="abstained" if outcome.over_budget else None,
            cost_usd=sitting.cost_usd,
            latency_s=self.clock() - started,
            grader=grader.target,
            prompt=self.prompt,
            own_family=own_family,
        )


def abstain(judge: str, reason: str) -> Verdict:
    """Return the verdict of a judge that has nothing to go by."""
    return Verdict(judge=judge, score=None, skipped="abstained", reason=reason)


def expected_cost_usd(model: Model) -> float:
    """Return what one call of a grading model is expected to cost, in USD, before any was made."""
    return EXPECTED_INPUT_TOKENS * model.input_usd_per_token + EXPECTED_OUTPUT_TOKENS * model.output_usd_per_token


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    opinion: Opinion | None = None
    reason: str = ""
    error: str | None = None
    over_budget: bool = False


async def _outcome(work: Awaitable[Opinion], *, timeout_s: float) -> _Outcome:
    try:
        async with asyncio.timeout(timeout_s):
            return _Outcome(opinion=await work)
    except TimeoutError:
        return _Outcome(error=f"timeout: no verdict within {timeout_s:g} s")
    except ProviderError as failure:
        return _Outcome(error=f"{failure.kind}: {failure}")
    except ValueError as malformed:
        return _Outcome(error=f"malformed verdict, twice: {malformed}")
    except _OverBudget:
        return _Outcome(reason="its budget for one answer would not last", over_budget=True)
