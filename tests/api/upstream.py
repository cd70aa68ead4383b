"""A server that speaks just enough of OpenAI's protocol to be routed to, and does as a test tells it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
TEXT = "The tide comes in twice a day, because the moon pulls at the sea while the earth turns below it."
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


@dataclass
class Upstream:
    """What it was sent, and what it is to answer, by the name of a model."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[str, tuple[int, str]] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    """Models that take the call and do not answer."""

    def reset(self) -> None:
        """Forget everything and answer again."""
        self.bodies.clear()
        self.errors.clear()
        self.messages.clear()
        self.hanging.clear()

    @property
    def called(self) -> list[str]:
        """The models called, in order."""
        return [body["model"] for body in self.bodies]

    @property
    def app(self) -> Starlette:
        """The server's application."""
        return Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        name = body["model"]
        while name in self.hanging:
            await asyncio.sleep(0.05)
        if name in self.errors:
            status, message = self.errors[name]
            return JSONResponse({"error": {"message": message}}, status_code=status)
        said = self.messages.get(name) or {"role": "assistant", "content": TEXT}
        choice = {"index": 0, "message": said, "finish_reason": "tool_calls" if "tool_calls" in said else "stop"}
        whole = {"id": "x", "object": "chat.completion", "created": 1, "model": f"{name}-2026", "choices": [choice]}
        return Response(json.dumps({**whole, "usage": USAGE, "system_fingerprint": "fp_up"}))
