"""The fleet's HTTP application: routes and errors; answers, verdicts and faults are decided elsewhere."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bandit_router.errors import ConfigError
from simulate.fleet.conditions import Conditions, Ending
from simulate.fleet.judge import JUDGE, RECORDED, JudgeModel
from simulate.fleet.models import Answers
from simulate.fleet.options import FleetOptions
from simulate.fleet.protocol import Chat, Origin, Reply, WireError, completion, events, parse_chat, parse_object
from simulate.outcomes import Table

Clock = Callable[[], float]


def create_app(table: Table, options: FleetOptions, *, clock: Clock = time.time) -> Starlette:
    """Build the fleet; raise `ConfigError` when a model of the table is named like the judge."""
    fleet = _Fleet(table, options, clock=clock)
    routes = [
        Route("/v1/chat/completions", fleet.chat, methods=["POST"]),
        Route("/v1/models", fleet.models, methods=["GET"]),
        Route("/control", fleet.control, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={WireError: _error_response, 404: _no_route, 405: _no_route})


class _Fleet:
    """The handlers, with what they share."""

    def __init__(self, table: Table, options: FleetOptions, *, clock: Clock) -> None:
        if JUDGE in table.models:
            raise ConfigError(f"a model of the table is named {JUDGE!r}, the judge's own name; rename the model")
        self._answers = Answers(table)
        recorded = sorted({name for row in table.rows for arm in row.arms.values() for name in arm.judges})
        self._judges = {JUDGE: JudgeModel(self._answers, options)} | {
            RECORDED + name: JudgeModel(self._answers, options, recorded=name) for name in recorded
        }
        self._conditions = Conditions(table.models, options, judges=tuple(self._judges))
        self._hang_s, self._clock, self._ids = options.hang_s, clock, itertools.count()

    async def chat(self, request: Request) -> Response:
        """Answer a chat completion, or fail as the model's condition has it."""
        chat = parse_chat(await request.body())
        fate = self._conditions.next_fate(chat.model)
        if fate.delay_s:
            await asyncio.sleep(fate.delay_s)
        if fate.ending == "hang":
            await _wait_for_disconnect(request, self._hang_s)
        _raise_for(fate.ending, chat.model)
        return self._respond(chat, self._reply(chat))

    async def models(self, _: Request) -> Response:
        """List the models that can be called."""
        data = [
            {"id": model, "object": "model", "created": 0, "owned_by": "fleet"} for model in self._conditions.listed()
        ]
        return JSONResponse({"object": "list", "data": data})

    async def control(self, request: Request) -> Response:
        """Change one model's condition while the fleet runs."""
        return JSONResponse(asdict(self._conditions.change(parse_object(await request.body()))))

    def _reply(self, chat: Chat) -> Reply:
        if judge := self._judges.get(chat.model):
            return judge.reply(chat)
        speaker = self._conditions.of(chat.model).degrade_to or chat.model
        return self._answers.reply(chat, speaker=speaker)

    def _respond(self, chat: Chat, reply: Reply) -> Response:
        condition, id = self._conditions.of(chat.model), f"chatcmpl-{next(self._ids):08x}"
        origin = Origin(
            id=id,
            created=int(self._clock()),
            model=condition.says or chat.model,
            system_fingerprint=condition.fingerprint,
        )
        if not chat.stream:
            return JSONResponse(completion(reply, origin))
        body = events(reply, origin, include_usage=chat.include_usage)
        return StreamingResponse(body, media_type="text/event-stream")


async def _wait_for_disconnect(request: Request, limit_s: float) -> None:
    """Wait until the client has gone, at most `limit_s` seconds."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), limit_s)
    except TimeoutError:
        return


def _raise_for(ending: Ending, model: str) -> None:
    """Raise the `WireError` that a call ends in, if it does."""
    if ending == "down":
        raise WireError(503, f"the model {model!r} is down", code="unavailable")
    if ending == "error":
        raise WireError(500, f"the model {model!r} failed while answering", code="server_error")
    if ending == "rate_limit":
        raise WireError(429, f"the rate limit of {model!r} is reached; try again in 1 s", code="rate_limit_exceeded")
    if ending == "hang":
        raise WireError(504, f"the model {model!r} did not answer in time", code="timeout")


async def _error_response(_: Request, error: Exception) -> Response:
    assert isinstance(error, WireError)
    headers = {"Retry-After": "1"} if error.status == 429 else None
    return JSONResponse(error.body, status_code=error.status, headers=headers)


async def _no_route(request: Request, _: Exception) -> Response:
    message = f"there is no {request.method} {request.url.path}; see /v1/models and /v1/chat/completions"
    return JSONResponse(WireError(404, message, code="not_found").body, status_code=404)
