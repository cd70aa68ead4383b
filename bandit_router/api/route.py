"""POST /v1/route: says where a chat request would start and why, and calls no model."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from bandit_router.api.body import parse_chat, parse_object
from bandit_router.api.explain import candidates
from bandit_router.api.reply import json_response
from bandit_router.api.state import caller, services

router = APIRouter()


@router.post("/v1/route")
async def route(request: Request) -> Response:
    """Decide, log the decision, and return it with all that could have been chosen."""
    service = services(request)
    data = parse_object(await request.body())
    chat = parse_chat(data, request.scope["headers"], caller=caller(request), catalog=service.catalog)
    decision = await service.router.decide(chat.ask)
    body = {
        "decision_id": decision.id,
        "model": decision.step.action.model,
        "tier": decision.step.action.tier,
        "propensity": decision.step.propensity,
        "category": decision.context.category,
        "confidence": decision.context.confidence,
        "policy": decision.policy,
        "version": decision.version,
        "value_usd": decision.value_usd,
        "value_s": decision.value_s,
        "candidates": candidates(decision.step),
    }
    headers = {
        "x-router-decision-id": decision.id,
        "x-router-model": decision.step.action.model,
        "x-router-tier": str(decision.step.action.tier),
        "x-router-policy": decision.policy,
    }
    return json_response(body, headers=headers)
