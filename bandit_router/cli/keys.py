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

ValueUsd = Annotated[float | None, typer.Option(help="Its holder's dial, instead of [reward] value_usd.")]
ValueS = Annotated[float | None, typer.Option(help="Its holder's dial for time, instead of [reward] value_s.")]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Create, list and revoke the bearer keys of clients.", no_args_is_help=True)
    group.command("create")(create)
    group.command("update")(update)
    group.command("list")(list_keys)
    group.command("revoke")(revoke)
    app.add_typer(group, name="keys")


def create(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    config: Config = DEFAULT_CONFIG,
    value_usd: ValueUsd = None,
    value_s: ValueS = None,
    admin: Annotated[bool, typer.Option("--admin", help="It may review answers and read every decision.")] = False,
) -> None:
    """Create a key and print it, this once."""
    dials = _dials(value_usd, value_s)
    with _keys(config) as keys:
        plain = keys.create(name, now=datetime.now(UTC), admin=admin, **dials)
    typer.echo(plain)
    typer.echo("keep it: it is stored only as a hash and cannot be shown again", err=True)


def update(
    key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")],
    config: Config = DEFAULT_CONFIG,
    value_usd: ValueUsd = None,
    value_s: ValueS = None,
    admin: Annotated[bool | None, typer.Option(help="It may review answers and read every decision.")] = None,
) -> None:
    """Change what goes with a key; serving processes take it up within seconds."""
    changes: dict[str, float | bool] = {**_dials(value_usd, value_s), **({} if admin is None else {"admin": admin})}
    if not changes:
        raise BadRequest("nothing to change; give --value-usd, --value-s, --admin or --no-admin")
    with _keys(config) as keys:
        found = keys.update(key_id, **changes)
    _check_found(found, key_id)
    typer.echo(f"updated {key_id}")


def list_keys(config: Config = DEFAULT_CONFIG, json_path: Json = None) -> None:
    """List the keys, never their secrets."""
    with _keys(config) as keys:
        rows = [
            {
                "id": key.id,
                "name": key.name,
                "admin": key.admin or None,
                "value_usd": key.value_usd,
                "value_s": key.value_s,
                "created": key.created_at,
                "revoked": key.revoked_at,
            }
            for key in keys.list()
        ]
    show("keys", rows, json_path=json_path)


def revoke(
    key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")], config: Config = DEFAULT_CONFIG
) -> None:
    """Revoke a key; serving processes stop taking it within seconds."""
    with _keys(config) as keys:
        found = keys.revoke(key_id, now=datetime.now(UTC))
    _check_found(found, key_id)
    typer.echo(f"revoked {key_id}")


def _dials(value_usd: float | None, value_s: float | None) -> dict[str, float]:
    """Return the dials that were given; raise `BadRequest` for one that makes no sense."""
    given = {name: value for name, value in (("value_usd", value_usd), ("value_s", value_s)) if value is not None}
    for name, value in given.items():
        if not 0 < value < math.inf:
            raise BadRequest(f"--{name.replace('_', '-')} is {value}; it must be a number above 0")
    return given


def _check_found(found: bool, key_id: str) -> None:
    if not found:
        raise BadRequest(f"no valid key has the id {key_id!r}; `bandit-router keys list` shows the ids")


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
