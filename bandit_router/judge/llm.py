"""Grades an answer by asking a model for a verdict; the wording and the reading of it are in `prompt`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bandit_router.errors import ProviderError
from bandit_router.judge.prompt import parse_verdict, render
from bandit_router.protocols import Provider
from bandit_router.types import ChatRequest, Completion, Model, Verdict

EXPECTED_INPUT_TOKENS: Final = 800
EXPECTED_OUTPUT_TOKENS: Final = 60
_MAX_TOKENS: Final = 256
_MEMORY: Final = 0.05
"""Weight of the newest verdict in the running mean of what a verdict costs."""


@dataclass(slots=True)
class _Bill:
    """What one verdict has cost so far, in USD; it survives a timeout between two calls."""

    cost_usd: float = 0.0


class LlmJudge:
    """A judge that is a model. `timeout_s` is for the whole verdict, a second attempt included."""

    def __init__(
        self,
        name: str,
        model: Model,
        *,
        provider: Provider,
        timeout_s: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.name = name
        self._model, self._provider, self._timeout_s, self._clock = model, provider, timeout_s, clock
        self._cost_usd = (
            EXPECTED_INPUT_TOKENS * model.input_usd_per_token + EXPECTED_OUTPUT_TOKENS * model.output_usd_per_token
        )

    @property
    def cost_usd(self) -> float:
        """Expected price of a verdict in USD: from the model's prices at first, then a running mean of real ones."""
        return self._cost_usd

    async def grade(self, request: ChatRequest, completion: Completion, /) -> Verdict:
        """Return a verdict; a timeout, a failed call or two malformed replies make one without a score."""
        bill, started = _Bill(), self._clock()
        score, reason, error = None, "", None
        try:
            async with asyncio.timeout(self._timeout_s):
                score, reason = await self._ask(request, completion, bill=bill)
        except TimeoutError:
            error = f"timeout: no verdict within {self._timeout_s:g} s"
        except ProviderError as failure:
            error = f"{failure.kind}: {failure}"
        except ValueError as malformed:
            error = f"malformed verdict, twice: {malformed}"
        if bill.cost_usd:
            self._cost_usd += _MEMORY * (bill.cost_usd - self._cost_usd)
        return Verdict(
            judge=self.name,
            score=score,
            cost_usd=bill.cost_usd,
            latency_s=self._clock() - started,
            reason=reason,
            error=error,
        )

    async def _ask(self, request: ChatRequest, completion: Completion, *, bill: _Bill) -> tuple[float, str]:
        """Return (score, reason), at the second attempt if need be; raise `ValueError` when that is malformed too."""
        text = await self._reply(request, completion, bill=bill)
        try:
            return parse_verdict(text)
        except ValueError as malformed:
            problem = str(malformed)
        return parse_verdict(await self._reply(request, completion, bill=bill, problem=problem))

    async def _reply(
        self, request: ChatRequest, completion: Completion, *, bill: _Bill, problem: str | None = None
    ) -> str:
        params = {"temperature": 0, "max_tokens": _MAX_TOKENS}
        shape = {"response_format": {"type": "json_object"}} if self._model.json_schema else {}
        prompt = ChatRequest(messages=render(request, completion, problem=problem), params=params | shape)
        reply = await self._provider.complete(self._model, prompt, timeout_s=self._timeout_s)
        bill.cost_usd += reply.cost_usd
        return reply.text
