"""`bandit-router keys`: creates, lists and revokes the bearer keys of clients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bandit_router.cli.options import DEFAULT_CONFIG, Config, Json
from bandit_router.cli.output import show
from bandit_router.errors import BadRequest
from bandit_router.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from bandit_router.store.keys import Keys


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Create, list and revoke the bearer keys of clients.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_keys)
    group.command("revoke")(revoke)
    app.add_typer(group, name="keys")


def create(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    config: Config = DEFAULT_CONFIG,
    value_usd: Annotated[float | None, typer.Option(help="Its holder's dial, instead of [reward] value_usd.")] = None,
) -> None:
    """Create a key and print it, this once."""
    if value_usd is not None and not 0 < value_usd < math.inf:
        raise BadRequest(f"--value-usd is {value_usd}; it must be a number above 0")
    with _keys(config) as keys:
        plain = keys.create(name, now=datetime.now(UTC), value_usd=value_usd)
    typer.echo(plain)
    typer.echo("keep it: it is stored only as a hash and cannot be shown again", err=True)


def list_keys(config: Config = DEFAULT_CONFIG, json_path: Json = None) -> None:
    """List the keys, never their secrets."""
    with _keys(config) as keys:
        rows = [
            {"id": key.id, "name": key.name, "created": key.created_at, "revoked": key.revoked_at}
            for key in keys.list()
        ]
    show("keys", rows, json_path=json_path)


def revoke(
    key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")], config: Config = DEFAULT_CONFIG
) -> None:
    """Revoke a key; serving processes stop taking it within seconds."""
    with _keys(config) as keys:
        found = keys.revoke(key_id, now=datetime.now(UTC))
    if not found:
        raise BadRequest(f"no valid key has the id {key_id!r}; `bandit-router keys list` shows the ids")
    typer.echo(f"revoked {key_id}")


@contextmanager
def _keys(config: Path) -> Iterator[Keys]:
    from bandit_router.store.keys import Keys
    from bandit_router.store.session import check_schema, open_engine

    engine = open_engine(load_settings(config).store.url)
    try:
        check_schema(engine)
        yield Keys(engine)
    finally:
        engine.dispose()
