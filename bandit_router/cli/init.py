"""`bandit-router init`: writes a commented router.toml and the policy files beside it."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from bandit_router.errors import ConfigError
from bandit_router.resources import shipped


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write.")] = Path(),
    *,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there already.")] = False,
) -> None:
    """Write a commented router.toml and a folder of policies."""
    config, policies = folder / "router.toml", folder / "policies"
    if not force:
        for path in (config, policies):
            if path.exists():
                raise ConfigError("is there already; use --force to overwrite it, or another folder", path=str(path))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        config.write_text(files("bandit_router.cli").joinpath("router.toml").read_text(encoding="utf-8"))
        shutil.copytree(shipped("policies"), policies, dirs_exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot be written ({error.strerror}); choose another folder", path=str(folder)) from error
    typer.echo(f"wrote {config} and {policies}/")
    typer.echo(
        f"next: set OPENAI_API_KEY, then bandit-router migrate -c {config}, then bandit-router serve -c {config}"
    )
