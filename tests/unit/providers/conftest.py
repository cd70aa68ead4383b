"""A real HTTP server that speaks OpenAI's protocol and misbehaves by model name; it knows nothing of the router."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from bandit_router.providers.litellm import LitellmProvider
from bandit_router.types import Model

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
ERRORS: dict[str, tuple[int, dict[str, Any]]] = {
    "limited": (429, {"message": "slow down", "code": "rate_limit_exceeded"}),
    "broken": (500, {"message": "boom"}),
    "overloaded": (503, {"message": "busy"}),
    "missing": (404, {"message": "no such model"}),
    "denied": (401, {"message": "Incorrect API key provided: sk-secret", "code": "invalid_api_key"}),
    "forbidden": (403, {"message": "not yours"}),
    "policy": (400, {"message": "rejected by our safety system", "code": "content_policy_violation"}),
    "filtered": (400, {"message": "The response was filtered", "code": "content_filter"}),
    "unsupported": (400, {"message": "Unknown parameter: 'colour'", "code": "unknown_parameter"}),
    "echoing": (400, {"message": "cannot use sk-secret here"}),
}
BODIES = {
    "malformed": ("{not json", "application/json"),
    "html": ("<html>gateway</html>", "text/html"),
    "list": ("[1]", "application/json"),
    "no_choices": (
        '{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []}',
        "application/json",
    ),
}


@dataclass
class Endpoint:
    """The running server: where it is, and what it was sent."""

    base: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    """Lets the answers of the model `slow` go."""


class _Announced(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, listening: asyncio.Event) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.set()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[tuple[FastAPI, str]]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    app, started = _app(), asyncio.Event()
    running = _Announced(uvicorn.Config(app, log_level="error", lifespan="off"), started)
    serving = asyncio.create_task(running.serve(sockets=[listener]))
    await started.wait()
    yield app, f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    running.should_exit = True
    await serving


@pytest_asyncio.fixture(loop_scope="module")
async def endpoint(server: tuple[FastAPI, str]) -> AsyncIterator[Endpoint]:
    app, base = server
    app.state.seen = Endpoint(base=base)
    yield app.state.seen
    app.state.seen.release.set()


@pytest.fixture(scope="session")
def loaded() -> LitellmProvider:
    return LitellmProvider.load(environ={"TEST_KEY": "sk-secret"})


@pytest_asyncio.fixture(loop_scope="module")
async def provider(loaded: LitellmProvider) -> AsyncIterator[LitellmProvider]:
    yield loaded
    await loaded.aclose()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, so that nobody else listens on it, and refuses connections."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def model(name: str, base: str | None, **changes: Any) -> Model:
    """Return a model that the server knows under `name`, at 1 and 2 USD per million tokens."""
    known: dict[str, Any] = {
        "name": f"my-{name}",
        "target": f"openai/{name}",
        "tier": 0,
        "input_usd_per_token": 1e-6,
        "output_usd_per_token": 2e-6,
        "api_base": base,
    }
    return Model(**(known | changes))


def _app() -> FastAPI:
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        body, seen = await request.json(), app.state.seen
        seen.bodies.append(body)
        seen.keys.append(request.headers.get("authorization", ""))
        seen.arrived.set()
        name = body["model"]
        if name == "slow":
            await seen.release.wait()
        if name in ERRORS:
            status, error = ERRORS[name]
            return JSONResponse({"error": error}, status_code=status)
        if name in BODIES:
            text, kind = BODIES[name]
            return Response(text, media_type=kind)
        return JSONResponse(_completion(name, logprobs=body.get("logprobs") is True))

    @app.post("/v1/embeddings")
    async def embeddings(request: Request) -> Response:
        body, seen = await request.json(), app.state.seen
        seen.bodies.append(body)
        kept = body["input"][:1] if body["model"] == "lossy" else body["input"]
        data = [{"object": "embedding", "index": i, "embedding": [float(len(t)), 1.0]} for i, t in enumerate(kept)]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return JSONResponse({"object": "list", "model": body["model"], "data": data[::-1], "usage": usage})

    return app


def _completion(name: str, *, logprobs: bool) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "Four, of course."}
    if name == "tools":
        message = {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}
    if name == "refusing":
        message = {"role": "assistant", "content": None, "refusal": "I will not."}
    choice: dict[str, Any] = {
        "index": 0,
        "finish_reason": "tool_calls" if name == "tools" else "stop",
        "message": message,
    }
    if logprobs and name != "silent":
        tokens = [("Four", -0.5), (",", -1.0)]
        choice["logprobs"] = {"content": [{"token": t, "logprob": p, "top_logprobs": []} for t, p in tokens]}
    whole = {"id": "x", "object": "chat.completion", "created": 1, "model": f"{name}-2026", "choices": [choice]}
    return whole | {"system_fingerprint": "fp_1"} | ({} if name == "no_usage" else {"usage": USAGE})
