"""Measures how alike two texts are by their embeddings; it embeds nothing itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Sequence
from typing import Final

import numpy as np

from bandit_router.errors import EmbeddingFailed
from bandit_router.protocols import Embedder

_MOST_PARAGRAPHS: Final = 32
_BREAK: Final = re.compile(r"\n\s*\n")
_WORD: Final = re.compile(r"\w+")


async def likeness(text: str, others: Sequence[str], *, embedder: Embedder) -> list[float]:
    """Return the cosine of a text with each of the others, those under 0 as 0; raise `EmbeddingFailed`.

    A text is the mean of its paragraphs, each by its number of words: what is one long word to a reader (an encoded
    blob, a run of marks that do not show) then weighs no more than one, though it is many tokens.
    """
    parts = [_paragraphs(each) for each in (text, *others)]
    vectors = await embedder.embed([paragraph for part in parts for paragraph in part])
    ends = np.cumsum([len(part) for part in parts])
    means = [
        np.array([len(_WORD.findall(paragraph)) for paragraph in part], dtype=float) @ vectors[end - len(part) : end]
        for part, end in zip(parts, ends, strict=True)
    ]
    mine, *theirs = [mean / (float(np.linalg.norm(mean)) or 1.0) for mean in means]
    return [min(1.0, max(0.0, float(mine @ other))) for other in theirs]


async def within(timeout_s: float, work: Awaitable[float]) -> tuple[float | None, str | None]:
    """Return a score that takes embedding, or why there is none: too late, or the embedder failed."""
    try:
        async with asyncio.timeout(timeout_s):
            return await work, None
    except TimeoutError:
        return None, f"timeout: no embedding within {timeout_s:g} s"
    except EmbeddingFailed as failure:
        return None, f"embedding: {failure}"


def _paragraphs(text: str) -> list[str]:
    """Return the paragraphs, at least one, of a long text those at its ends."""
    # Models can send halves of surrogate pairs, which tokenizers refuse.
    found = [each for each in _BREAK.split(text.encode("utf-8", "replace").decode("utf-8")) if each.strip()] or [""]
    half = _MOST_PARAGRAPHS // 2
    return found if len(found) <= _MOST_PARAGRAPHS else [*found[:half], *found[-half:]]
