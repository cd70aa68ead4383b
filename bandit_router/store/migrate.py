"""Finds the Alembic migrations and runs them on a connection; it opens no database."""

from __future__ import annotations

import io
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bandit_router.resources import shipped


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, bound to a connection whose transaction is the caller's."""
    settings = Config(stdout=io.StringIO(), output_buffer=io.StringIO(), attributes={"connection": connection})
    settings.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    return settings


@cache
def head() -> str | None:
    """Return the newest revision."""
    return ScriptDirectory.from_config(config()).get_current_head()


def known(revision: str) -> bool:
    """Tell whether this release has the migration that led to a revision."""
    return any(script.revision == revision for script in ScriptDirectory.from_config(config()).walk_revisions())


def current(connection: Connection) -> str | None:
    """Return the database's revision; None when it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection) -> None:
    """Run every migration the database lacks."""
    command.upgrade(config(connection), "head")
