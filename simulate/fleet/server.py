"""Runs the fleet on a socket, in the foreground or in a thread of its own; it knows nothing of what is answered."""

from __future__ import annotations

import contextlib
import threading
from types import TracebackType

import uvicorn

from bandit_router.api.listen import listen
from simulate.fleet.app import create_app
from simulate.fleet.options import FleetOptions
from simulate.outcomes import Table


class FleetServer:
    """The fleet over HTTP. Port 0 asks the system for a free one; `port` and `url` tell which.

    As a context manager it serves from a thread; `run` serves in the foreground until Ctrl-C.
    """

    def __init__(self, table: Table, options: FleetOptions, *, host: str = "127.0.0.1", port: int = 0) -> None:
        config = uvicorn.Config(
            create_app(table, options),
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._socket = listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._host, self._thread = host, threading.Thread(target=self._serve, name="fleet", daemon=True)

    @property
    def url(self) -> str:
        """The base URL to give an OpenAI client."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}/v1"

    def start(self) -> int:
        """Serve from a thread and return the real port; clients may connect at once."""
        self._thread.start()
        return self.port

    def stop(self) -> None:
        """Stop serving, if it was, and free the port; calls still open are cut off after a second."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def run(self) -> None:
        """Serve in the foreground until Ctrl-C."""
        with contextlib.suppress(KeyboardInterrupt):
            self._serve()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    def __enter__(self) -> FleetServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
