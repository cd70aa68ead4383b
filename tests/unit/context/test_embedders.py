"""Embedders: the offline one, the hosted one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import numpy as np
import pytest

from bandit_router.context.embed import HostedCall, HostedEmbedder, WordLlamaEmbedder
from bandit_router.errors import ConfigError, EmbeddingFailed, ProviderError


def answering(*vectors: list[float]) -> HostedCall:
    async def call(model: str, texts: Sequence[str]) -> list[list[float]]:
        return list(vectors)

    return call


async def test_offline_vectors_are_float32_of_length_one(wordllama: WordLlamaEmbedder) -> None:
    vectors = await wordllama.embed(["a cat", "a much longer sentence about dogs"])
    assert (vectors.shape, str(vectors.dtype)) == ((2, 256), "float32")
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)


async def test_like_texts_are_nearer_than_unlike_ones(wordllama: WordLlamaEmbedder) -> None:
    cat, kitten, tax = await wordllama.embed(["my cat sleeps", "the kitten naps", "corporate tax law"])
    assert cat @ kitten > cat @ tax


async def test_a_text_has_the_same_vector_alone_and_in_company(wordllama: WordLlamaEmbedder) -> None:
    alone, company = await wordllama.embed(["cat"]), await wordllama.embed(["cat", "a longer text than that"])
    assert (alone[0] == company[0]).all()


async def test_an_empty_text_has_a_zero_vector(wordllama: WordLlamaEmbedder) -> None:
    assert not (await wordllama.embed([""])).any()


async def test_the_middle_of_a_long_text_is_left_out(wordllama: WordLlamaEmbedder) -> None:
    one, other = await wordllama.embed(["cat " * 400 + middle * 400 + "dog " * 400 for middle in ("law ", "sea ")])
    assert (one == other).all()


async def test_half_a_surrogate_pair_does_not_stop_the_embedding(wordllama: WordLlamaEmbedder) -> None:
    assert (await wordllama.embed(["a cat \ud800"])).any()


async def test_offline_vectors_can_be_shorter() -> None:
    assert (await WordLlamaEmbedder.load(64).embed(["cat"])).shape == (1, 64)


@pytest.mark.parametrize("dim", [100, 512])
def test_a_length_that_is_not_to_be_had_is_refused(dim: int) -> None:
    with pytest.raises(ConfigError, match=f"embedder_dim = {dim}.*use 64, 128 or 256"):
        WordLlamaEmbedder.load(dim)


def test_loading_leaves_the_root_logger_alone(wordllama: WordLlamaEmbedder) -> None:
    assert not [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]


async def test_hosted_vectors_are_scaled_to_length_one() -> None:
    vectors = await HostedEmbedder("m", answering([3.0, 4.0]), dim=2).embed(["x"])
    assert vectors.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]]


async def test_many_texts_are_sent_in_batches_and_come_back_in_order() -> None:
    sizes = []

    async def call(model: str, texts: Sequence[str]) -> list[list[float]]:
        sizes.append(len(texts))
        return [[1.0, float(text)] for text in texts]

    vectors = await HostedEmbedder("m", call, dim=2).embed([str(number) for number in range(100)])
    assert max(sizes) < 100
    assert (vectors[:, 1] / vectors[:, 0]).round() == pytest.approx(np.arange(100))


@pytest.mark.parametrize(
    "error",
    [ProviderError("rate_limit", "slow down"), TimeoutError(), ConnectionError("gone")],
    ids=lambda error: type(error).__name__,
)
async def test_a_hosted_call_that_fails_is_an_embedding_failed(error: Exception) -> None:
    async def call(model: str, texts: Sequence[str]) -> list[list[float]]:
        raise error

    with pytest.raises(EmbeddingFailed, match="m gave no embedding"):
        await HostedEmbedder("m", call, dim=2).embed(["x"])


async def test_a_hosted_call_that_never_ends_is_cut_off() -> None:
    async def call(model: str, texts: Sequence[str]) -> list[list[float]]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(EmbeddingFailed, match="TimeoutError"):
        await HostedEmbedder("m", call, dim=2, timeout_s=0.001).embed(["x"])


@pytest.mark.parametrize(
    "vectors",
    [[[1.0, 2.0, 3.0]], [[1.0, float("nan")]], [], [[1.0, 2.0], [3.0, 4.0]], [[1.0], [1.0, 2.0]]],
    ids=["too long", "not a number", "none", "too many", "ragged"],
)
async def test_vectors_of_the_wrong_form_are_refused(vectors: list[list[float]]) -> None:
    with pytest.raises(EmbeddingFailed, match="embedder_"):
        await HostedEmbedder("m", answering(*vectors), dim=2).embed(["x"])
