"""GET /v1/decisions/{id}: why a request was answered as it was."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from bandit_router.api.completion import ID_PREFIX
from bandit_router.api.explain import account_body
from bandit_router.api.reply import json_response
from bandit_router.api.state import account

router = APIRouter()


@router.get("/v1/decisions/{id:path}")
async def get_decision(request: Request) -> Response:
    """Return the account of a decision, by its id or by that of its chat completion."""
    decision_id = request.path_params["id"].removeprefix(ID_PREFIX)
    found = await account(request, decision_id)
    return json_response(account_body(found), headers={"x-router-decision-id": found.decision.id})
