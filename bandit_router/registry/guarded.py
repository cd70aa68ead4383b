"""Tells the breaker how each call to a model ended; whether to call at all is not decided here."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bandit_router.errors import ProviderError
from bandit_router.protocols import Provider
from bandit_router.registry.breaker import Breaker
from bandit_router.types import ChatRequest, Completion, Model

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A provider whose successes and failures a breaker knows of."""

    provider: Provider
    breaker: Breaker

    async def complete(self, model: Model, request: ChatRequest, /, *, timeout_s: float) -> Completion:
        """Return the model's answer; raise `ProviderError` like the provider."""
        self.breaker.began(model.name, timeout_s)
        try:
            completion = await self.provider.complete(model, request, timeout_s=timeout_s)
        except ProviderError as error:
            if self.breaker.failed(model.name, error.kind):
                log.warning("model %s is out for a while, its calls fail: %s", model.name, error)
            raise
        if self.breaker.state(model.name) != "closed":
            log.warning("model %s answers again", model.name)
        self.breaker.succeeded(model.name)
        return completion
