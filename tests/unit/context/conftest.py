"""Fakes and the loaded builder that the context tests share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from bandit_router.context import Builder, load_builder
from bandit_router.context.embed import WordLlamaEmbedder
from bandit_router.settings import ContextSettings
from bandit_router.types import ChatRequest


class CountingEmbedder:
    """Gives every text a unit vector along its first letter, and keeps what it was asked."""

    dim = 26

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        self.asked.extend(texts)
        return np.eye(26, dtype=np.float32)[[ord(text[0].lower()) - ord("a") for text in texts]]


@pytest.fixture
def counting() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture(scope="session")
def wordllama() -> WordLlamaEmbedder:
    return WordLlamaEmbedder.load()


@pytest.fixture(scope="session")
def builder() -> Builder:
    return asyncio.run(load_builder(ContextSettings()))


@pytest.fixture
def ask() -> Callable[..., ChatRequest]:
    """Make a request of messages written as `(role, content)`."""
    return lambda *messages, **params: ChatRequest(
        messages=tuple({"role": role, "content": content} for role, content in messages), params=params
    )
