"""POST /v1/chat/completions: hands the request to the router and the answer to the client."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from bandit_router.api.body import parse_chat, parse_object
from bandit_router.api.completion import completion_body, completion_events, router_headers, waited_s
from bandit_router.api.reply import header_values, json_response
from bandit_router.api.state import caller, running, services

router = APIRouter()


@router.post("/v1/chat/completions")
async def chat_completions(request: Request) -> Response:
    """Answer a chat completion in OpenAI's protocol."""
    raw = await request.body()
    service = services(request)
    clock = service.router.cascade.clock
    started = clock()
    chat = parse_chat(parse_object(raw), request.scope["headers"], caller=caller(request), catalog=service.catalog)
    answer = await service.router.answer(chat.ask)
    overhead_s = max(0.0, clock() - started - waited_s(answer.outcome.history))
    running(request).metrics.overhead(overhead_s)
    headers = {**router_headers(answer), "x-router-overhead-ms": f"{overhead_s * 1000:.3f}"}
    if not chat.stream:
        return json_response(completion_body(answer), headers=headers)
    # The whole answer is at hand once it is accepted, so its events go out in one piece.
    events = "".join(completion_events(answer, include_usage=chat.include_usage))
    headers["cache-control"] = "no-cache"
    return Response(events, headers=header_values(headers), media_type="text/event-stream")
