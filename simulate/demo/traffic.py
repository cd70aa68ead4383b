"""Sends prompts to a running service with the official client, and keeps what came back; it judges nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulate.outcomes import Row

if TYPE_CHECKING:
    from openai import AsyncOpenAI


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to send: a prompt, and the policy it is sent to, or `auto`."""

    row: Row
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the service answered: which model served, what it cost, and the recorded true score of that answer."""

    call: Call
    decision_id: str = ""
    policy: str = ""
    """Who decided, as the service names it."""
    model: str = ""
    cost_usd: float = 0.0
    score: float = 0.0
    attempts: int = 0
    error: str = ""

    @property
    def ok(self) -> bool:
        """True when the service answered."""
        return not self.error


def schedule(rows: Sequence[Row], policies: Sequence[str], *, queries: int, seed: int) -> list[Call]:
    """Return calls in random order, an equal share for each policy; each prompt is asked once, as far as they last."""
    rng = random.Random(seed)
    shuffled = rng.sample(list(rows), len(rows))
    policies_drawn = [policies[index % len(policies)] for index in range(queries)]
    rng.shuffle(policies_drawn)
    return [Call(row=shuffled[i % len(shuffled)], policy=policy) for i, policy in enumerate(policies_drawn)]


async def drive(
    calls: Sequence[Call], base_url: str, *, concurrency: int, seen: Callable[[Reply], None]
) -> list[Reply]:
    """Send calls over HTTP, a few at a time and in order; `seen` is told of each reply."""
    from openai import AsyncOpenAI  # here, as it takes a second that no other command should wait

    gate = asyncio.Semaphore(concurrency)
    replies: list[Reply] = []

    async def one(call: Call) -> None:
        async with gate:
            reply = await _send(client, call)
        replies.append(reply)
        seen(reply)

    service = AsyncOpenAI(base_url=base_url, api_key="not-needed", max_retries=0)
    async with service as client, asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(one(call))
    return replies


async def _send(client: AsyncOpenAI, call: Call) -> Reply:
    from openai import OpenAIError

    try:
        raw = await client.chat.completions.with_raw_response.create(
            model=call.policy, messages=[{"role": "user", "content": call.row.prompt}]
        )
    except OpenAIError as error:
        return Reply(call=call, error=str(error))
    model = raw.headers["x-router-model"]
    return Reply(
        call=call,
        decision_id=raw.headers["x-router-decision-id"],
        policy=raw.headers["x-router-policy"],
        model=model,
        cost_usd=float(raw.headers["x-router-cost-usd"]),
        score=call.row.arms[model].score,
        attempts=int(raw.headers["x-router-attempts"]),
    )
