"""Remembers embeddings by the hash of their text; it makes none and keeps no text."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from bandit_router.protocols import Embedder

_Found = dict[bytes, NDArray[np.float32]]


class CachedEmbedder:
    """An embedder that embeds no text twice while it is remembered, the least recently used being forgotten first.

    `waits` is False of an inner embedder that answers at once, so that nobody can ask for the same text meanwhile.
    """

    def __init__(self, inner: Embedder, /, *, capacity: int = 4096, waits: bool = True) -> None:
        self._inner, self._capacity, self._waits = inner, capacity, waits
        self._vectors: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()
        self._pending: dict[bytes, asyncio.Task[_Found]] = {}

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._inner.dim

    async def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Return vectors (len(texts), dim), embedding what is new; raise `EmbeddingFailed` as the inner one does."""
        keys = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
        found = {key: self._recall(key) for key in keys if key in self._vectors}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing and not self._waits:
            found |= await self._embed(missing)
        elif missing:
            # Shielded: others may wait for what this caller, should it be cancelled, has asked for.
            for task in self._fetch(missing):
                found |= await asyncio.shield(task)
        return np.array([found[key] for key in keys]) if keys else np.zeros((0, self.dim), dtype=np.float32)

    def _recall(self, key: bytes) -> NDArray[np.float32]:
        self._vectors.move_to_end(key)
        return self._vectors[key]

    def _fetch(self, texts: dict[bytes, str]) -> set[asyncio.Task[_Found]]:
        """Return the tasks that will bring these texts' vectors: those under way, and one for the rest."""
        new = {key: text for key, text in texts.items() if key not in self._pending}
        if new:
            task = asyncio.create_task(self._embed(new))
            self._pending.update(dict.fromkeys(new, task))
            task.add_done_callback(lambda done: self._settle(done, new))
        return {self._pending[key] for key in texts}

    async def _embed(self, texts: dict[bytes, str]) -> _Found:
        found = dict(zip(texts, await self._inner.embed(list(texts.values())), strict=True))
        self._vectors.update(found)
        while len(self._vectors) > self._capacity:
            self._vectors.popitem(last=False)
        return found

    def _settle(self, task: asyncio.Task[_Found], texts: dict[bytes, str]) -> None:
        for key in texts:
            del self._pending[key]
        if not task.cancelled():
            task.exception()  # Marks it as seen, should every caller have been cancelled meanwhile.
