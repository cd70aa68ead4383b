"""Opens the socket that a server listens on, so that its port is known, and is free, before anything is said."""

from __future__ import annotations

import socket

from bandit_router.errors import ConfigError


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raise `ConfigError` when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off (40 ms an answer otherwise) only where the protocol is named.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(512)
        return listening
    except (OSError, OverflowError) as error:
        listening.close()
        message = f"cannot listen on {host}:{port} ({error}); choose another --port, 0 for any free one"
        raise ConfigError(message) from error
