"""What the routes share, as a request finds it; it builds nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from bandit_router.api.auth import Caller
from bandit_router.api.metrics import Metrics
from bandit_router.bootstrap import Services
from bandit_router.store.keys import KeyInfo


@dataclass(slots=True)
class Running:
    """One application's parts; `services` are there once it has started."""

    metrics: Metrics
    services: Services | None = None
    started_at: int = 0
    """Unix time in seconds."""

    def verify(self, key: str) -> KeyInfo | None:
        """Return whose key this is; None when it is unknown or revoked."""
        assert self.services is not None, "requests are served only after the start"
        return self.services.keys.verify(key)


def running(request: Request) -> Running:
    """Return the parts of the application that serves a request."""
    return cast("Running", request.app.state.running)


def services(request: Request) -> Services:
    """Return the services of the application that serves a request."""
    found = running(request).services
    assert found is not None, "requests are served only after the start"
    return found


def caller(request: Request) -> Caller:
    """Return who sends a request."""
    return cast("Caller", request.scope["caller"])
