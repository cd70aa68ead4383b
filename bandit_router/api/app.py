"""Puts the HTTP application together from its routes and the running services; it handles no request itself."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from bandit_router import bootstrap
from bandit_router.api import (
    admin_models,
    chat,
    decisions,
    errors,
    experiments,
    feedback,
    health,
    models,
    policies,
    review,
    route,
)
from bandit_router.api.admin_models import health_of_models
from bandit_router.api.auth import Door, Gate
from bandit_router.api.lag import learning
from bandit_router.api.limit import BodyLimit
from bandit_router.api.metrics import Metrics
from bandit_router.api.state import Running
from bandit_router.settings import Settings


def create_app(settings: Settings, *, config: Path | None = None) -> FastAPI:
    """Return the application; it opens its database and loads its policies when it is started, not before.

    `config` is the file that the settings came from; its models are read again when it changes.
    """
    running = Running(metrics=Metrics())
    app = FastAPI(
        title="bandit-router",
        lifespan=_lifespan(settings, running, config),
        redirect_slashes=False,
        # The pages would load their scripts from another host.
        docs_url=None,
        redoc_url=None,
    )
    app.state.running = running
    for part in (chat, models, route, feedback, decisions, review, experiments, admin_models, policies, health):
        app.include_router(part.router)
    count = running.metrics.refused
    errors.install(app, count)
    door = Door(running.verify, clock=time.monotonic) if settings.server.auth == "keys" else None
    # The last one added is the first to see a request.
    app.add_middleware(BodyLimit, max_bytes=settings.server.max_body_bytes)
    app.add_middleware(Gate, door=door, refuse=partial(errors.error_response, count=count))
    return app


def _lifespan(
    settings: Settings, running: Running, config: Path | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        running.services = services = await bootstrap.start(settings, running.metrics, config=config)
        running.started_at = int(services.router.now().timestamp())
        running.metrics.watch(
            partial(learning, services), lambda: services.stores.reviews.open(now=services.router.now())
        )
        running.metrics.watch_judges(lambda: services.watch.newest)
        running.metrics.watch_experiments(services.steward.reports)
        running.metrics.watch_models(partial(health_of_models, services))
        try:
            yield
        finally:
            await services.close()

    return lifespan
