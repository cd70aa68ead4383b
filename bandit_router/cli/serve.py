"""`bandit-router serve`: runs the service."""

from __future__ import annotations

from typing import Annotated

import typer

from bandit_router.cli.options import DEFAULT_CONFIG, Config
from bandit_router.settings import Settings, load_settings


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
    _check(settings)
    import uvicorn

    from bandit_router.api.app import create_app

    typer.echo(f"bandit-router on http://{settings.server.host}:{settings.server.port}/v1 (Ctrl-C stops it)")
    uvicorn.run(create_app(settings), host=settings.server.host, port=settings.server.port, log_level="warning")


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


def _check(settings: Settings) -> None:
    """Find what would stop the service before the server starts, so that it is one line and not a traceback."""
    from bandit_router.policy.load import load_specs
    from bandit_router.store.session import check_schema, open_engine

    load_specs(settings.policies.dir)
    engine = open_engine(settings.store.url)
    try:
        check_schema(engine)
    finally:
        engine.dispose()
