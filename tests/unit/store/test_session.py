"""Opening databases, their schema and their migrations."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, make_url, text

from bandit_router.errors import ConfigError, SchemaOutdated, StoreUnavailable
from bandit_router.resources import shipped
from bandit_router.store import migrate as migrations
from bandit_router.store.session import check_schema, migrate, open_engine, reading, writing


@pytest.fixture
def own_engine(empty_database_url: str) -> Iterator[Engine]:
    """An engine on a migrated database whose schema the test may alter."""
    migrate(empty_database_url)
    opened = open_engine(empty_database_url)
    yield opened
    opened.dispose()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("router.db", "no database url"),
        ("mysql://host/db", "'mysql'"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_one_that_can(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        open_engine(url)
    assert "sqlite:///" in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_postgresql_url_may_leave_out_the_driver(scheme: str) -> None:
    assert open_engine(f"{scheme}://ann:secret@db.example.org/router").driver == "psycopg"


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)]
)
def test_sqlite_is_durable_and_patient(sqlite_url: str, pragma: str, value: object) -> None:
    engine = open_engine(sqlite_url)
    with reading(engine) as connection:
        assert connection.scalar(text(f"PRAGMA {pragma}")) == value
    engine.dispose()


def test_a_migrated_database_passes_the_check(engine: Engine) -> None:
    check_schema(engine)


def test_an_empty_database_fails_the_check_with_the_command_to_run(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url, create=True)
    with writing(engine):
        pass
    with pytest.raises(SchemaOutdated, match=r"is empty.*run: bandit-router migrate"):
        check_schema(engine)
    engine.dispose()


@pytest.mark.parametrize("act", ["check", "migrate"])
def test_a_database_of_a_newer_release_is_left_alone(own_engine: Engine, empty_database_url: str, act: str) -> None:
    with writing(own_engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaOutdated, match=r"9999.*install the newer"):
        check_schema(own_engine) if act == "check" else migrate(empty_database_url)


def test_migrating_twice_is_harmless(empty_database_url: str) -> None:
    migrate(empty_database_url)
    migrate(empty_database_url)
    engine = open_engine(empty_database_url)
    check_schema(engine)
    engine.dispose()


def test_two_processes_may_migrate_at_once(empty_database_url: str) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            migrate(empty_database_url)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine = open_engine(empty_database_url)
    check_schema(engine)
    engine.dispose()
    assert failures == []


def test_opening_a_new_file_waits_for_who_is_writing_it(sqlite_url: str) -> None:
    file = make_url(sqlite_url).database or ""
    Path(file).unlink(missing_ok=True)
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    done = threading.Timer(0.1, other.rollback)
    done.start()
    engine = open_engine(sqlite_url)
    with reading(engine) as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
    done.join()
    engine.dispose()
    other.close()


def test_the_migrations_make_exactly_the_tables_described(engine: Engine) -> None:
    with writing(engine) as connection:
        command.check(migrations.config(connection))


def test_a_table_that_differs_from_its_description_is_noticed(own_engine: Engine) -> None:
    with writing(own_engine) as connection:
        connection.execute(text("ALTER TABLE leases ADD COLUMN surplus TEXT"))
        with pytest.raises(Exception, match="surplus"):
            command.check(migrations.config(connection))


def test_every_migration_can_be_undone(own_engine: Engine) -> None:
    with writing(own_engine) as connection:
        command.downgrade(migrations.config(connection), "base")
        command.upgrade(migrations.config(connection), "head")
    check_schema(own_engine)


def test_migration_files_are_named_by_date_and_subject() -> None:
    names = [path.name for path in (shipped("migrations") / "versions").glob("*.py")]
    assert names
    assert all(name[:4].isdigit() and name[4] == "-" and name[15] == "_" for name in names)


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")
    with pytest.raises(StoreUnavailable, match="unable to open database file"):
        check_schema(engine)


def test_a_file_that_is_not_there_is_not_made_by_looking_for_it(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'router.db'}")
    with pytest.raises(SchemaOutdated, match=r"no database file router\.db.*run: bandit-router migrate"):
        check_schema(engine)
    with pytest.raises(StoreUnavailable), writing(engine):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a b#c.db'}"
    migrate(url)
    engine = open_engine(url)
    check_schema(engine)
    engine.dispose()
    assert (tmp_path / "a b#c.db").exists()


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    engine = open_engine(f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(StoreUnavailable):
        check_schema(engine)


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "router.db").write_text("this is a letter, not a database" * 100)
    engine = open_engine(f"sqlite:///{tmp_path / 'router.db'}")
    with pytest.raises(StoreUnavailable, match="not a database"):
        check_schema(engine)
    engine.dispose()
