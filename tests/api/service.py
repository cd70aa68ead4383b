"""Runs applications over real HTTP in threads of their own, and writes settings for them; it tests nothing."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import uvicorn
from starlette.types import ASGIApp

from bandit_router.api.app import create_app
from bandit_router.bootstrap import Services
from bandit_router.resources import shipped
from bandit_router.settings import Settings

KEY_ENV = "API_TEST_PROVIDER_KEY"
SECRET = "sk-provider-0123456789abcdef"
PRICES = {"small": 1.0, "medium": 5.0, "large": 20.0}


class Announced(uvicorn.Server):
    """A server that says when it listens, and gives up waiting when it fails to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextmanager
def serving(app: ASGIApp, *, lifespan: str = "on") -> Iterator[str]:
    """Serve an application from a thread; give its address."""
    server = Announced(uvicorn.Config(app, log_level="critical", lifespan=lifespan, timeout_graceful_shutdown=2))  # type: ignore[arg-type]
    # Made with the protocol named, as asyncio sets TCP_NODELAY on such sockets only.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        assert server.listening.wait(60), "the server did not start"
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running router: where it is, and its parts."""

    url: str
    services: Services
    http: httpx.Client

    @contextmanager
    def openai(self, key: str = "none") -> Iterator[openai.OpenAI]:
        """Give the official client, which does not retry."""
        with openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0) as client:
            yield client

    def chat(self, text: str = "Why are there tides?", *, model: str = "auto", **more: Any) -> httpx.Response:
        """Ask for a completion; `headers` go into the headers and all else into the body."""
        headers = more.pop("headers", None)
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return self.http.post("/v1/chat/completions", json=body, headers=headers)

    def decide(self, text: str = "Why are there tides?", **more: Any) -> str:
        """Ask for a completion, which must be given, and return the id of its decision."""
        response = self.chat(text, **more)
        assert response.is_success, response.text
        return response.headers["x-router-decision-id"]

    def decision(self, id: str) -> dict[str, Any]:
        """Read a decision back."""
        found: dict[str, Any] = self.http.get(f"/v1/decisions/{id}").raise_for_status().json()
        return found


@contextmanager
def routing(settings: Settings) -> Iterator[Service]:
    """Serve a router."""
    app = create_app(settings)
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as http:
        yield Service(url=url, services=app.state.running.services, http=http)


def make_settings(database_url: str, upstream_url: str, **tables: Any) -> Settings:
    """Return settings with three models on the upstream, one a tier, and those of `more_models`; the rules judge."""
    models = [
        {
            "name": name,
            "target": f"openai/{name}",
            "tier": tier,
            "input_usd_per_million": price,
            "output_usd_per_million": price,
            "api_base": f"{upstream_url}/v1",
            "api_key_env": KEY_ENV,
        }
        for tier, (name, price) in enumerate(PRICES.items())
    ]
    given = {
        "server": {"auth": "off", "max_body_bytes": 100_000},
        "store": {"url": database_url},
        "policies": {"dir": shipped("policies"), "default": "fixed_cascade"},
        "learner": {"interval_s": 0.2},
        "models": [*models, *tables.pop("more_models", ())],
    }
    return Settings.model_validate({**given, **tables})
