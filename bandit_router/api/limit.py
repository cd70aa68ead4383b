"""Bounds the size of request bodies while they arrive; it reads nothing of them."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bandit_router.errors import BodyTooLarge


class BodyLimit:
    """ASGI middleware: whoever reads a body over `max_bytes` gets `BodyTooLarge`, declared length or not."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, with its body bounded."""
        if scope["type"] == "http":
            receive = _limited(receive, self._max_bytes, declared=_declared(scope))
        await self._app(scope, receive, send)


def _limited(receive: Receive, max_bytes: int, *, declared: int) -> Receive:
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if message["type"] == "http.request" and max(read, declared) > max_bytes:
            raise BodyTooLarge(
                f"the body is over the limit of {max_bytes} bytes; send less, or raise [server] max_body_bytes"
            )
        return message

    return limited


def _declared(scope: Scope) -> int:
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(value) if value.isdigit() else 0
