"""Fixtures that tests of several packages share: fresh, migrated databases of both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bandit_router.store.session import open_engine
from tests.databases import Postgres, postgres_server, sqlite_copy, sqlite_template


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy, not to use."""
    return sqlite_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def sqlite_url(sqlite_file: Path, tmp_path: Path) -> str:
    """The url of a migrated SQLite database of the test's own."""
    return sqlite_copy(sqlite_file, tmp_path)


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """The url of a migrated, empty PostgreSQL database that no other test uses meanwhile."""
    return postgres.emptied()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The url of a migrated, empty database, of each kind in turn; its schema is not the test's to alter."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def sqlite_empty_url(tmp_path: Path) -> str:
    """The url of an SQLite database that is not there yet."""
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
def postgres_empty_url(postgres: Postgres) -> Iterator[str]:
    """The url of a PostgreSQL database without tables."""
    with postgres.blank() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """The url of a database that was never migrated, of each kind in turn."""
    return str(request.getfixturevalue(f"{request.param}_empty_url"))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on `database_url`."""
    opened = open_engine(database_url)
    yield opened
    opened.dispose()
