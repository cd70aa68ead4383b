"""`bandit-router migrate`: brings the database to the schema this version needs."""

from __future__ import annotations

import typer

from bandit_router.cli.options import DEFAULT_CONFIG, Config
from bandit_router.settings import load_settings
from bandit_router.store.session import migrate as upgrade


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate")(migrate)


def migrate(config: Config = DEFAULT_CONFIG) -> None:
    """Create the database's tables, or bring them up to date."""
    upgrade(load_settings(config).store.url)
    typer.echo("the database is up to date")
