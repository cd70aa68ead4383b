"""Makes what judges look at and work with, for tests; it judges nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandit_router.errors import EmbeddingFailed, ProviderError
from bandit_router.judge.asking import Examiner, expected_cost_usd
from bandit_router.types import Case, ChatRequest, Completion, Model, Reply

NONCE = "n0nce"
QUESTION = "2 + 2?"


def model(target: str = "openai/m", **more: Any) -> Model:
    given: dict[str, Any] = {"tier": 0, "input_usd_per_token": 1e-6, "output_usd_per_token": 1e-5}
    return Model(name=target.rpartition("/")[2], target=target, **(given | more))


def completion(text: Any, **more: Any) -> Completion:
    message = {"role": "assistant", "content": text, **more.pop("message", {})}
    given: dict[str, Any] = {"finish_reason": "stop", "input_tokens": 1, "output_tokens": 1, "cost_usd": 0.0}
    return Completion(message=message, **(given | more))


def reply(text: Any, *, target: str = "local/small", quality: float | None = None, **more: Any) -> Reply:
    return Reply(model=model(target), completion=completion(text, **more), quality=quality)


def case(
    text: Any = "4", *earlier: Reply, question: str = QUESTION, category: str = "other", target: str = "local/small"
) -> Case:
    request = ChatRequest(messages=({"role": "user", "content": question},))
    return Case(request=request, answer=reply(text, target=target), category=category, earlier=earlier)


@dataclass
class Scripted:
    """A provider that replies in turn, at 0.01 USD a reply; an exception is raised, None never comes."""

    replies: Sequence[str | ProviderError | None]
    asked: list[ChatRequest] = field(default_factory=list)
    graders: list[str] = field(default_factory=list)

    async def complete(self, model: Model, request: ChatRequest, /, *, timeout_s: float) -> Completion:
        self.asked.append(request)
        self.graders.append(model.target)
        reply = self.replies[len(self.asked) - 1]
        if reply is None:
            await asyncio.Event().wait()
        if isinstance(reply, ProviderError):
            raise reply
        return completion(reply, cost_usd=0.01)


def examiner(provider: Any, *graders: Model, **more: Any) -> Examiner:
    models = graders or (model(),)
    nonce: Callable[[], str] = lambda: NONCE  # noqa: E731
    given: dict[str, Any] = {"name": "critic", "prompt": "p-1", "clock": lambda: 0.0, "nonce": nonce}
    given["cost_usd"] = expected_cost_usd(models[0])
    return Examiner(graders=models, provider=provider, **(given | more))


@dataclass
class Letters:
    """An embedder that counts letters: texts of the same letters are alike."""

    fails: bool = False
    dim: int = 26

    async def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        if self.fails:
            raise EmbeddingFailed("the host said: no")
        counts = np.array([[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts], dtype=np.float32)
        length = np.linalg.norm(counts, axis=1, keepdims=True)
        return np.asarray(counts / np.where(length > 0, length, 1), dtype=np.float32)
