"""Calls hosted models, chat and embeddings, through litellm; the only file that imports it. It never retries."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any

from bandit_router.errors import EmbeddingFailed, ProviderError
from bandit_router.providers.answer import to_completion
from bandit_router.providers.arguments import api_key, call_arguments, endpoint
from bandit_router.providers.failure import to_provider_error
from bandit_router.providers.price_list import Listed, list_price
from bandit_router.types import ChatRequest, Completion, ListPrice, Model


class LitellmProvider:
    """Fulfils `Provider`; made by `load`, ended by `aclose`."""

    def __init__(self, litellm: Any, failures: tuple[type[Exception], ...], *, environ: Mapping[str, str]) -> None:
        self._litellm, self._failures, self._environ = litellm, failures, environ

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> LitellmProvider:
        """Import litellm, which takes 2-4 s and 160 MB, and make it quiet and offline.

        Call it once at start, in a thread when an event loop runs. `environ` is where keys are looked up.
        """
        # Without it litellm fetches its price list over the network while it is imported.
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        import litellm
        import openai

        # Builds litellm's response classes here, not in the first request, while the warnings it silences are silent.
        litellm.ModelResponse()
        litellm.telemetry = False
        litellm.suppress_debug_info = True
        litellm.set_verbose = False
        litellm.drop_params = False
        litellm.callbacks, litellm.success_callback, litellm.failure_callback = [], [], []
        # Every mapped failure is an OpenAIError; the others come out of litellm's converters on malformed answers.
        slips = (ValueError, TypeError, LookupError, AttributeError, ImportError, OSError, RuntimeError)
        return cls(litellm, (openai.OpenAIError, *slips), environ=os.environ if environ is None else environ)

    async def complete(self, model: Model, request: ChatRequest, /, *, timeout_s: float) -> Completion:
        """Return the model's answer with its cost in USD; raise `ProviderError` for every way a call can fail."""
        key = api_key(model, self._environ)
        try:
            # litellm does not honour its own timeout with every provider.
            async with asyncio.timeout(timeout_s):
                response = await self._litellm.acompletion(**call_arguments(model, request, key=key))
            return to_completion(response, model, request=request)
        except TimeoutError as error:
            raise ProviderError("timeout", f"{model.name} gave no answer within {timeout_s:g} s") from error
        except self._failures as error:
            raise to_provider_error(error, model, key=key) from error

    async def embed(self, model: str, texts: Sequence[str], /, *, timeout_s: float = 30.0) -> list[list[float]]:
        """Return one vector a text, as the model gives them (not normalised); raise `EmbeddingFailed` otherwise.

        `model` is litellm's name of it; its key comes from the provider's usual environment variable.
        """
        try:
            async with asyncio.timeout(timeout_s):
                response = await self._litellm.aembedding(**endpoint(model, api_base=None, key=None), input=list(texts))
            found = sorted(response.data, key=lambda item: item["index"])
            vectors = [[float(number) for number in item["embedding"]] for item in found]
        except TimeoutError as error:
            raise EmbeddingFailed(f"{model} gave no vectors within {timeout_s:g} s") from error
        except self._failures as error:
            raise EmbeddingFailed(f"{model} gave no vectors: {error}") from error
        if len(vectors) != len(texts):
            raise EmbeddingFailed(f"{model} gave {len(vectors)} vectors for {len(texts)} texts")
        return vectors

    def price(self, target: str, /) -> ListPrice | None:
        """Return what litellm's local price list says of a target, None when it does not know its prices."""
        return list_price(self._litellm.model_cost, target)

    @property
    def price_list_url(self) -> str:
        """Where litellm publishes its price list."""
        return str(self._litellm.model_cost_map_url)

    def chats(self) -> frozenset[str]:
        """Return the targets of all chat models in litellm's local price list."""
        listed: Listed = self._litellm.model_cost
        owners = {name: str(entry.get("litellm_provider", "")) for name, entry in listed.items()}
        chats = (name for name, entry in listed.items() if entry.get("mode") == "chat" and owners[name])
        return frozenset(name if name.startswith(f"{owners[name]}/") else f"{owners[name]}/{name}" for name in chats)

    async def aclose(self) -> None:
        """Let litellm's background work end and close its connections; the provider can still be used afterwards."""
        from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

        await GLOBAL_LOGGING_WORKER.flush()
        await GLOBAL_LOGGING_WORKER.stop()
        await self._litellm.close_litellm_async_clients()
        # The cache would otherwise hand out the closed clients again.
        self._litellm.in_memory_llm_clients_cache.flush_cache()
