"""What the routes share, as a request finds it; it builds nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from anyio import to_thread
from starlette.requests import Request

from bandit_router.api.auth import Caller
from bandit_router.api.metrics import Metrics
from bandit_router.bootstrap import Services
from bandit_router.errors import Forbidden, UnknownDecision
from bandit_router.store.events import Account
from bandit_router.store.keys import KeyInfo


@dataclass(slots=True)
class Running:
    """One application's parts; `services` are there once it has started."""

    metrics: Metrics
    services: Services | None = None
    started_at: int = 0
    """Unix time in seconds."""

    def reload(self) -> None:
        """Have the models of router.toml read again; before the start they are about to be read anyway."""
        if self.services and self.services.file:
            self.services.file.ask()

    def verify(self, key: str) -> KeyInfo | None:
        """Return whose key this is; None when it is unknown or revoked."""
        assert self.services is not None, "requests are served only after the start"
        return self.services.stores.keys.verify(key)


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


def administrator(request: Request) -> Caller:
    """Return who sends a request; raise `Forbidden` unless that is an administrator."""
    found = caller(request)
    if not found.admin:
        raise Forbidden(
            "this needs an administrator's key; `bandit-router keys create NAME --admin` makes one, and "
            "`bandit-router keys update ID --admin` makes one of a key that is there"
        )
    return found


async def account(request: Request, decision_id: str) -> Account:
    """Return all that is known of a decision; raise `UnknownDecision` too when it is another tenant's."""
    found = await to_thread.run_sync(services(request).stores.events.decision, decision_id)
    if not caller(request).may_see(found.decision.tenant):
        raise UnknownDecision(decision_id)
    return found
