"""Runs Alembic on the connection it is given, or on `-x url=...` from the command line; it defines no table."""

from __future__ import annotations

from typing import Literal

from alembic import context
from sqlalchemy import Connection

from bandit_router.store.session import open_engine, writing
from bandit_router.store.tables import Utc, metadata


def render(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write the column types of this package as plain SQLAlchemy, so that a migration outlives them."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Utc) else False


def run(connection: Connection) -> None:
    """Run within the connection's transaction."""
    # SQLite can alter little in place: batch mode copies a table instead.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, render_item=render)
    with context.begin_transaction():
        context.run_migrations()


def run_from_command_line() -> None:
    """Run on the database that `-x url=...` names, router.db when it names none."""
    engine = open_engine(context.get_x_argument(as_dictionary=True).get("url", "sqlite:///router.db"), create=True)
    try:
        with writing(engine, journal=True) as connection:
            run(connection)
    finally:
        engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    run_from_command_line()
else:
    run(given)
