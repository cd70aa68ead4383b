"""GET /v1/models: everything that a request's `model` may name."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from bandit_router.api.reply import json_response
from bandit_router.api.state import running, services
from bandit_router.bootstrap import Services
from bandit_router.errors import UnknownModel

router = APIRouter()


@router.get("/v1/models")
async def list_models(request: Request) -> Response:
    """List what there is in OpenAI's shape; `owned_by` tells its kind."""
    return json_response({"object": "list", "data": list(_named(request).values())})


@router.get("/v1/models/{name:path}")
async def get_model(request: Request) -> Response:
    """Return one entry of the list."""
    name, named = request.path_params["name"], _named(request)
    if name not in named:
        raise UnknownModel(name, named)
    return json_response(named[name])


def _named(request: Request) -> dict[str, dict[str, Any]]:
    created = running(request).started_at
    return {
        name: {"id": name, "object": "model", "created": created, "owned_by": kind}
        for name, kind in _kinds(services(request)).items()
    }


def _kinds(service: Services) -> dict[str, str]:
    """Return the kind of what each name stands for, as the router resolves it: a model goes before a policy or tier."""
    return {
        "auto": "router",
        **dict.fromkeys((model.name for model in service.catalog.models), "model"),
        **{name: "tier" for name in service.catalog.tiers if not service.catalog.get(name)},
        **{name: "policy" for name in service.learned.policies.names() if not service.catalog.get(name)},
    }
