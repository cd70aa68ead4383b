"""Lets requests in by bearer key; it keeps no keys.

Everything needs a key but /healthz and /readyz, which load balancers ask, and /metrics when it is asked from this
machine and not through a proxy. With `auth = "off"`, which settings accept on a loopback address only, nothing does,
and whoever asks is an administrator. A key that is no administrator's sees the decisions of its own tenant only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from anyio import to_thread
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bandit_router.errors import RouterError, Unauthorized

OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
CACHE_S: Final = 3.0
"""How long a key goes on working at most once it is revoked."""
_CACHED: Final = 10_000
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
_FORWARDED: Final = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sends a request; nobody in particular where no key is asked for."""

    tenant: str = ""
    value_usd: float | None = None
    value_s: float | None = None
    admin: bool = False

    def may_see(self, tenant: str) -> bool:
        """Tell whether what belongs to a tenant is this caller's to know of."""
        return self.admin or self.tenant == tenant


class KeyHolder(Protocol):
    """What is known of a valid key."""

    @property
    def name(self) -> str:
        """Whose key it is."""

    @property
    def value_usd(self) -> float | None:
        """The holder's dial in USD."""

    @property
    def value_s(self) -> float | None:
        """The holder's dial for time, in seconds."""

    @property
    def admin(self) -> bool:
        """Whether the holder is an administrator."""


Verify = Callable[[str], KeyHolder | None]
"""Looks a key up in the database; None when it is unknown or revoked."""


class Door:
    """Verifies keys, and remembers valid ones for `CACHE_S` seconds of `clock`."""

    def __init__(self, verify: Verify, *, clock: Callable[[], float]) -> None:
        self._verify, self._clock = verify, clock
        self._known: dict[bytes, tuple[float, Caller]] = {}

    async def admit(self, scope: Scope) -> Caller:
        """Return who sends a request; raise `Unauthorized`, or `StoreUnavailable`."""
        key = _bearer(scope["headers"])
        if key is None:
            raise Unauthorized(
                "no key was sent; send the header 'Authorization: Bearer KEY' (`bandit-router keys create` makes keys)"
            )
        digest = hashlib.sha256(key).digest()
        expires, caller = self._known.get(digest, (0.0, None))
        if caller is None or self._clock() >= expires:
            caller = await self._look_up(key, digest)
        return caller

    async def _look_up(self, key: bytes, digest: bytes) -> Caller:
        asked_at = self._clock()
        self._known.pop(digest, None)
        holder = await to_thread.run_sync(self._verify, key.decode("latin-1"))
        if holder is None:
            raise Unauthorized("this key is unknown or revoked; ask for another (`bandit-router keys create`)")
        caller = Caller(tenant=holder.name, value_usd=holder.value_usd, value_s=holder.value_s, admin=holder.admin)
        if len(self._known) >= _CACHED:
            self._known.clear()
        self._known[digest] = (asked_at + CACHE_S, caller)
        return caller


class Gate:
    """ASGI middleware: puts the `Caller` into the scope, or refuses."""

    def __init__(self, app: ASGIApp, *, door: Door | None, refuse: Callable[[RouterError], Response]) -> None:
        self._app, self._door, self._refuse = app, door, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it with the refusal."""
        if scope["type"] == "http":
            try:
                scope["caller"] = await self._caller(scope)
            except RouterError as error:
                await self._refuse(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller:
        if self._door is None:
            return Caller(admin=True)
        return Caller() if _is_open(scope) else await self._door.admit(scope)


def _bearer(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    value = next((value for name, value in headers if name == b"authorization"), b"")
    scheme, _, key = value.partition(b" ")
    return key.strip() or None if scheme.lower() == b"bearer" else None


def _is_open(scope: Scope) -> bool:
    path = scope["path"]
    return path in OPEN_PATHS or (path == "/metrics" and _is_local(scope))


def _is_local(scope: Scope) -> bool:
    client = scope.get("client")
    direct = not any(name in _FORWARDED for name, _ in scope["headers"])
    return direct and client is not None and client[0] in _LOOPBACK
