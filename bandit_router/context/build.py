"""Builds the context of a request from its parts; it holds no rules of its own about text."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.context.categories import load_categories
from bandit_router.context.conversation import Conversation, read
from bandit_router.context.embed import HostedCall, HostedEmbedder, WordLlamaEmbedder, normalised
from bandit_router.context.embed_cache import CachedEmbedder
from bandit_router.context.surface import features
from bandit_router.context.taxonomy import Taxonomy
from bandit_router.errors import ConfigError, EmbeddingFailed
from bandit_router.protocols import Embedder
from bandit_router.settings import ContextSettings
from bandit_router.types import ChatRequest, Context

_log: Final = logging.getLogger(__name__)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_plain)


class Builder:
    """Turns a request into a context; the whole conversation counts, the last user message most."""

    def __init__(self, embedder: Embedder, taxonomy: Taxonomy, /) -> None:
        self._embedder, self._taxonomy = embedder, taxonomy

    @property
    def embedder(self) -> Embedder:
        """What turns texts into vectors here."""
        return self._embedder

    @property
    def categories(self) -> tuple[str, ...]:
        """Every name that `Context.category` may take, `other` last."""
        return self._taxonomy.names

    async def build(self, request: ChatRequest, /) -> Context:
        """Return the context of the whole conversation; when embedding fails, from cues and surface alone."""
        conversation = read(request.messages)
        embedding = await self._embedding(conversation)
        category, confidence = self._taxonomy.classify(
            embedding, conversation.focus, background=conversation.rest, share=conversation.rest_share
        )
        return Context(
            category=category,
            confidence=confidence,
            surface=features(conversation, request.params),
            embedding=embedding,
            key=content_key(request),
        )

    async def _embedding(self, conversation: Conversation) -> NDArray[np.float32]:
        """Return the mean of the vectors of focus and rest, weighted by the rest's share; zero when there is none."""
        share = conversation.rest_share
        weighted = ((conversation.focus, 1 - share), (conversation.rest, share))
        parts = [(text, weight) for text, weight in weighted if text.strip()]
        if not parts:
            return np.zeros(self._embedder.dim, dtype=np.float32)
        try:
            vectors = await self._embedder.embed([text for text, _ in parts])
        except EmbeddingFailed as error:
            # What follows the colon is the provider's message, which may quote the request.
            _log.warning("context built without an embedding: %s", str(error).partition(": ")[0])
            return np.zeros(self._embedder.dim, dtype=np.float32)
        if len(parts) == 1:
            return np.asarray(vectors[0])
        weights = np.array([[weight] for _, weight in parts], dtype=np.float32)
        return normalised((weights * vectors).sum(axis=0))


def content_key(request: ChatRequest) -> str:
    """Return the hex SHA-256 of the canonical JSON of messages, tools and response format."""
    content = {
        "messages": request.messages,
        "tools": request.params.get("tools"),
        "response_format": request.params.get("response_format"),
    }
    return sha256(_CANONICAL.encode(content).encode()).hexdigest()


async def load_builder(settings: ContextSettings, *, hosted: HostedCall | None = None) -> Builder:
    """Load taxonomy and embedder, and embed the examples; raise `ConfigError`, or `EmbeddingFailed` when hosted."""
    categories = load_categories(settings.taxonomy, settings.taxonomy_mode)
    embedder = _embedder(settings, hosted)
    examples = [example for category in categories for example in category.examples]
    taxonomy = Taxonomy.fit(categories, await embedder.embed(examples))
    return Builder(CachedEmbedder(embedder, waits=settings.embedder != "wordllama"), taxonomy)


def _embedder(settings: ContextSettings, hosted: HostedCall | None) -> Embedder:
    if settings.embedder == "wordllama":
        return WordLlamaEmbedder.load(settings.embedder_dim)
    if not settings.embedder_model:
        raise ConfigError(
            '[context] embedder = "litellm" needs a model; add embedder_model = "openai/text-embedding-3-small" '
            "and its embedder_dim = 1536"
        )
    if hosted is None:
        raise ConfigError('no provider can embed here; set [context] embedder = "wordllama"')
    return HostedEmbedder(settings.embedder_model, hosted, dim=settings.embedder_dim)
