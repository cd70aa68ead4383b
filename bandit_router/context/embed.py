"""Embeds texts, offline with WordLlama or through a hosted model that is called for it; it caches nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.context.conversation import excerpt
from bandit_router.context.tokens import Tokens
from bandit_router.errors import ConfigError, EmbeddingFailed, ProviderError

HostedCall = Callable[[str, Sequence[str]], Awaitable[list[list[float]]]]
"""Embeds texts with the model named: one vector a text, in order; raises `ProviderError` when it cannot."""

_HOSTED_BATCH: Final = 64


class WordLlamaEmbedder:
    """Static word vectors, averaged: offline, tens of microseconds a prompt, so it runs in the caller's own thread."""

    def __init__(self, model: Any, /) -> None:
        self._tokens, self._table = Tokens(model.tokenizer), model.embedding

    @classmethod
    def load(cls, dim: int = 256) -> WordLlamaEmbedder:
        """Load the vectors in the wordllama package, cut to `dim` floats; raise `ConfigError` for a dim it lacks."""
        with _root_logger_kept():
            import wordllama
        home = Path(wordllama.__file__).parent
        try:
            # Its default folder is not where the package keeps its files, and it would go to the network for them.
            model = wordllama.WordLlama.load(cache_dir=home, disable_download=True, trunc_dim=dim)
        except ValueError as error:
            raise ConfigError(
                f"[context] embedder_dim = {dim} is not to be had: {error}; use 64, 128 or 256"
            ) from error
        return cls(model)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._table.shape[1])

    async def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Return L2-normalised vectors (len(texts), dim); a text without words gives a zero vector."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            tokens = self._tokens.ids(excerpt(text))
            if tokens:
                np.divide(self._table.take(tokens, axis=0).sum(axis=0), len(tokens), out=vectors[row])
        return normalised(vectors)


class HostedEmbedder:
    """A hosted embedding model, reached through the call it is given."""

    def __init__(self, model: str, call: HostedCall, /, *, dim: int, timeout_s: float = 5.0) -> None:
        self._model, self._call, self._dim, self._timeout_s = model, call, dim, timeout_s

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    async def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Return L2-normalised vectors (len(texts), dim); raise `EmbeddingFailed` when the model does not give them."""
        batches = [texts[start : start + _HOSTED_BATCH] for start in range(0, len(texts), _HOSTED_BATCH)]
        parts = [await self._batch([excerpt(text) for text in batch]) for batch in batches]
        return normalised(np.concatenate(parts)) if parts else np.zeros((0, self._dim), dtype=np.float32)

    async def _batch(self, texts: list[str]) -> NDArray[np.float32]:
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._call(self._model, texts)
            vectors = np.asarray(answer, dtype=np.float32)
        except (ProviderError, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise EmbeddingFailed(
                f"{self._model} gave no embedding ({reason}); see [context] embedder_model"
            ) from error
        if vectors.shape != (len(texts), self._dim) or not np.isfinite(vectors).all():
            raise EmbeddingFailed(
                f"{self._model} gave vectors of shape {vectors.shape} for {len(texts)} texts, not all of "
                f"{self._dim} finite numbers; set [context] embedder_dim to the model's own"
            )
        return vectors


def normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors scaled to length 1 along the last axis; zero vectors stay zero."""
    length = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    length[length == 0] = 1
    return np.asarray(vectors / length, dtype=np.float32)


@contextmanager
def _root_logger_kept() -> Iterator[None]:
    """Keep a library from setting up the root logger at import, which it leaves alone while that has a handler."""
    guard = logging.NullHandler()
    logging.getLogger().addHandler(guard)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(guard)
