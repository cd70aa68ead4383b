"""`bandit-router serve`: runs the service."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bandit_router.cli.options import DEFAULT_CONFIG, Config
from bandit_router.settings import Settings, load_settings

if TYPE_CHECKING:
    from bandit_router.api.state import Running

GRACE_S: Final = 30
"""How long requests under way may take to end after Ctrl-C."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    config: Config = DEFAULT_CONFIG,
    host: Annotated[str | None, typer.Option(help="Listen here, whatever router.toml says.")] = None,
    port: Annotated[int | None, typer.Option(help="Listen here, whatever router.toml says.", min=0, max=65535)] = None,
) -> None:
    """Serve OpenAI's API where router.toml says."""
    settings = _listen_on(load_settings(config), host, port)
    from bandit_router.bootstrap import check

    # What would stop the service is found before the server starts, so that it is one line and not a traceback.
    asyncio.run(check(settings))
    _log_to_terminal()
    _run(settings, config)


def _run(settings: Settings, path: Path) -> None:
    import uvicorn

    from bandit_router.api.app import create_app
    from bandit_router.api.listen import listen

    listening = listen(settings.server.host, settings.server.port)
    port = listening.getsockname()[1]
    typer.echo(f"bandit-router on http://{settings.server.host}:{port}/v1 (Ctrl-C stops it)")
    app = create_app(settings, config=path)
    _reload_on_hangup(app.state.running)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S)
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        return
    if not server.started:
        raise typer.Exit(3)


def _reload_on_hangup(running: Running) -> None:
    """Read the models of router.toml again on SIGHUP, where there is such a signal."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: running.reload())


def _log_to_terminal() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    # The scheduler says what the learner says better; the others have a line for each call.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    for name in ("alembic", "httpx", "LiteLLM"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _listen_on(settings: Settings, host: str | None, port: int | None) -> Settings:
    """Apply the command line's host and port, and check the whole again: `auth = "off"` is for loopback only."""
    given = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    if not given:
        return settings
    from pydantic import ValidationError

    from bandit_router.errors import ConfigError

    data = settings.model_dump()
    try:
        return Settings.model_validate({**data, "server": {**data["server"], **given}})
    except ValidationError as error:
        raise ConfigError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error
