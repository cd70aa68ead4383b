"""Measures how far a text covers others by their embeddings; it embeds nothing itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Sequence
from typing import Final

import numpy as np

from bandit_router.errors import EmbeddingFailed
from bandit_router.protocols import Embedder

_MOST_SENTENCES: Final = 64
_BREAK: Final = re.compile(r"\n+|(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f\u0964])")
_WORD: Final = re.compile(r"[^\W\d_]")


async def coverage(text: str, others: Sequence[str], *, embedder: Embedder) -> list[float]:
    """Return how far a text covers each of the others, in [0, 1]; raise `EmbeddingFailed`.

    It is the mean, over the sentences of the other, of the best cosine with a sentence of the text. What else the text
    says takes nothing away from that: a sentence added to sway a judge does not count.
    """
    parts = [_sentences(each) for each in (text, *others)]
    vectors = await embedder.embed([sentence for part in parts for sentence in part])
    ends = np.cumsum([len(part) for part in parts])
    mine, *theirs = [vectors[end - len(part) : end] for part, end in zip(parts, ends, strict=True)]
    return [float(np.clip((other @ mine.T).max(axis=1), 0.0, 1.0).mean()) for other in theirs]


async def within(timeout_s: float, work: Awaitable[float]) -> tuple[float | None, str | None]:
    """Return a score that takes embedding, or why there is none: too late, or the embedder failed."""
    try:
        async with asyncio.timeout(timeout_s):
            return await work, None
    except TimeoutError:
        return None, f"timeout: no embedding within {timeout_s:g} s"
    except EmbeddingFailed as failure:
        return None, f"embedding: {failure}"


def _sentences(text: str) -> list[str]:
    """Return the sentences and lines that hold a letter, at least one, of a long text those at its ends."""
    # Models can send halves of surrogate pairs, which tokenizers refuse.
    lines = _BREAK.split(text.encode("utf-8", "replace").decode("utf-8"))
    found = [each for each in lines if _WORD.search(each)] or [""]
    half = _MOST_SENTENCES // 2
    return found if len(found) <= _MOST_SENTENCES else [*found[:half], *found[-half:]]
