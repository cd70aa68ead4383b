"""The cache of embeddings: nothing is embedded twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bandit_router.context.embed_cache import CachedEmbedder
from bandit_router.errors import EmbeddingFailed


class Gated:
    """Waits at a gate before it embeds; fails instead when told to."""

    dim = 1

    def __init__(self) -> None:
        self.gate, self.begun, self.asked, self.fails = asyncio.Event(), asyncio.Event(), 0, False

    async def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        self.asked += len(texts)
        self.begun.set()
        await self.gate.wait()
        if self.fails:
            raise EmbeddingFailed("no")
        return np.ones((len(texts), 1), dtype=np.float32)


async def test_a_text_is_embedded_once(counting: Any) -> None:
    cached = CachedEmbedder(counting)
    first, again = await cached.embed(["a", "b"]), await cached.embed(["b", "a"])
    assert counting.asked == ["a", "b"]
    assert (first == again[::-1]).all()


async def test_a_text_that_comes_twice_in_one_call_is_embedded_once(counting: Any) -> None:
    assert (await CachedEmbedder(counting).embed(["a", "b", "a"])).argmax(axis=1).tolist() == [0, 1, 0]
    assert counting.asked == ["a", "b"]


async def test_an_inner_embedder_that_answers_at_once_is_asked_once_too(counting: Any) -> None:
    cached = CachedEmbedder(counting, waits=False)
    assert [(await cached.embed(texts)).argmax(axis=1).tolist() for texts in (["a", "b"], ["b", "c"])] == [
        [0, 1],
        [1, 2],
    ]
    assert counting.asked == ["a", "b", "c"]


async def test_no_texts_give_no_vectors(counting: Any) -> None:
    assert (await CachedEmbedder(counting).embed([])).shape == (0, 26)


async def test_what_was_used_least_recently_is_forgotten_first(counting: Any) -> None:
    cached = CachedEmbedder(counting, capacity=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        await cached.embed([text])
    assert counting.asked == ["a", "b", "c", "b"]


async def test_more_texts_than_the_capacity_are_all_answered(counting: Any) -> None:
    vectors = await CachedEmbedder(counting, capacity=1).embed(["a", "b", "c"])
    assert vectors.argmax(axis=1).tolist() == [0, 1, 2]


async def test_a_caller_cannot_change_what_is_remembered(counting: Any) -> None:
    cached = CachedEmbedder(counting)
    (await cached.embed(["a"]))[:] = 7
    assert (await cached.embed(["a"])).max() == 1


async def test_callers_at_the_same_time_share_one_embedding() -> None:
    inner = Gated()
    cached = CachedEmbedder(inner)
    callers = [asyncio.create_task(cached.embed(["x"])) for _ in range(3)]
    await inner.begun.wait()
    inner.gate.set()
    assert [vectors.tolist() for vectors in await asyncio.gather(*callers)] == [[[1.0]]] * 3
    assert inner.asked == 1


async def test_a_cancelled_caller_does_not_take_the_others_down() -> None:
    inner = Gated()
    cached = CachedEmbedder(inner)
    first = asyncio.create_task(cached.embed(["x"]))
    await inner.begun.wait()
    second = asyncio.create_task(cached.embed(["x"]))
    first.cancel()
    inner.gate.set()
    assert (await second).tolist() == [[1.0]]
    assert inner.asked == 1


async def test_a_failure_reaches_the_caller_and_is_not_remembered() -> None:
    inner = Gated()
    inner.gate.set()
    cached = CachedEmbedder(inner)
    inner.fails = True
    with pytest.raises(EmbeddingFailed):
        await cached.embed(["x"])
    inner.fails = False
    assert (await cached.embed(["x"])).tolist() == [[1.0]]
