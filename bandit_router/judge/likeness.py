"""Measures how alike two texts are by their embeddings; it embeds nothing itself."""

from __future__ import annotations

from collections.abc import Sequence

from bandit_router.protocols import Embedder


async def likeness(text: str, others: Sequence[str], *, embedder: Embedder) -> list[float]:
    """Return the cosine of a text with each of the others, those under 0 as 0; raise `EmbeddingFailed`."""
    # Models can send halves of surrogate pairs, which tokenizers refuse.
    texts = [each.encode("utf-8", "replace").decode("utf-8") for each in (text, *others)]
    vectors = await embedder.embed(texts)
    return [min(1.0, max(0.0, float(cosine))) for cosine in vectors[1:] @ vectors[0]]
