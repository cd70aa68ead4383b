"""GET /healthz, /readyz and /metrics: whether the service lives, can serve, and how it fares."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from bandit_router.api.reply import json_response
from bandit_router.api.state import running, services
from bandit_router.errors import StoreUnavailable
from bandit_router.store.session import check_schema

router = APIRouter()


@router.get("/healthz")
async def healthz() -> Response:
    """Say that the process lives."""
    return json_response({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Say that requests can be answered: the database reads and writes, its schema is current, policies are loaded."""
    service = services(request)
    await to_thread.run_sync(check_schema, service.stores.engine)
    if not service.learned.policies.names():
        raise StoreUnavailable("no policy is loaded; look into the service's log")
    if service.router.log_fails:
        raise StoreUnavailable("the last write to the decision log failed; is the disk full?")
    return json_response({"status": "ready"})


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Return every metric in Prometheus' text format."""
    text = await to_thread.run_sync(running(request).metrics.text)
    return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})
