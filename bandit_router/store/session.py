"""Opens databases and their transactions, and names what goes wrong with them; it knows no table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bandit_router.errors import ConfigError, SchemaOutdated, StoreUnavailable
from bandit_router.store import migrate as migrations
from bandit_router.store.sqlite import is_missing, open_sqlite

JOURNAL_LOCK: Final = 0x62616E646974
"""The PostgreSQL advisory lock that journal writers take turns on."""

# A client that vanished with a transaction open must not hold up every other writer until TCP gives up on it.
_TAKE_TURNS = text(
    "SELECT set_config('lock_timeout', '10s', true), set_config('idle_in_transaction_session_timeout', '10s', true),"
    " pg_advisory_xact_lock(:lock)"
)
_POSTGRES_CONNECT: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_REJECTIONS = (IntegrityError, DataError, ProgrammingError, NotSupportedError)
_LIMIT_EXCEEDED: Final = "54"
"""PostgreSQL's class of errors for what is too long (an id in an index, say); the driver files them as operational."""


def open_engine(url: str, *, create: bool = False, busy_timeout_s: float = 5.0) -> Engine:
    """Return an engine for a SQLite file or a PostgreSQL database; it connects only when it is used.

    Raise `ConfigError` for any other url. Only with `create` is an SQLite file made that is not there;
    `busy_timeout_s` is how long SQLite waits for another writer.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return open_sqlite(parsed, create=create, busy_timeout_s=busy_timeout_s)
    # Parameters hold what users wrote; they must not leave through an error message.
    return create_engine(parsed, pool_pre_ping=True, hide_parameters=True, connect_args=_POSTGRES_CONNECT)


def check_schema(engine: Engine) -> None:
    """Raise `SchemaOutdated` unless the database has exactly the schema this release needs."""
    if is_missing(engine):
        name = Path(engine.url.database or "").name
        raise SchemaOutdated(f"there is no database file {name}; put it back, or run: bandit-router migrate")
    with reading(engine) as connection:
        found = migrations.current(connection)
    needed = migrations.head()
    if found == needed:
        return
    if found is None or migrations.known(found):
        state = f"is at {found}" if found else "is empty"
        raise SchemaOutdated(f"the database {state} and this release needs {needed}; run: bandit-router migrate")
    raise SchemaOutdated(
        f"the database is at {found}, which this release does not know (it needs {needed}); "
        "install the newer bandit-router, then run: bandit-router migrate"
    )


def migrate(url: str) -> None:
    """Bring the database to the newest schema; harmless when it is there, and when two processes do it at once."""
    engine = open_engine(url, create=True)
    try:
        with writing(engine, journal=True) as connection:
            found = migrations.current(connection)
            if found is not None and not migrations.known(found):
                raise SchemaOutdated(f"the database is at {found}, which is newer; install the newer bandit-router")
            migrations.upgrade(connection)
    finally:
        engine.dispose()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that reads; raise `StoreUnavailable` when the database does not answer."""
    with _named_errors(), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, *, journal: bool = False) -> Iterator[Connection]:
    """Open a transaction that commits at its end; raise `StoreUnavailable` when the database does not take it.

    Set `journal` where the journal is written. PostgreSQL gives out sequence numbers when rows are inserted, not when
    they are committed: of two writers side by side the later number may be committed first, a learner would move its
    cursor past the earlier one, and never see it. Writers of the journal therefore take turns, from before the first
    number is drawn until after the commit can be seen. On SQLite there is only ever one writer.
    """
    with _named_errors(), engine.connect().execution_options(immediate=True) as connection, connection.begin():
        if journal and engine.dialect.name == "postgresql":
            connection.execute(_TAKE_TURNS, {"lock": JOURNAL_LOCK})
        yield connection


def is_unavailable(error: SQLAlchemyError) -> bool:
    """Tell whether the database failed, rather than refused what it was given."""
    if isinstance(error, DBAPIError):
        too_long = str(getattr(error.orig, "sqlstate", "")).startswith(_LIMIT_EXCEEDED)
        return error.connection_invalidated or not (too_long or isinstance(error, _REJECTIONS))
    return isinstance(error, PoolTimeout)


def reason(error: BaseException) -> str:
    """Return the first line of what the driver said: later lines may quote rows."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        if not is_unavailable(error):
            raise
        raise StoreUnavailable(f"the database is not available ({reason(error)}); try again soon") from error


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"[store] url is no database url ({error}); write sqlite:///router.db") from error
    backend = parsed.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ConfigError(f"[store] url names {backend!r}; use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
    if parsed.database in (None, "", ":memory:"):
        raise ConfigError("[store] url names an SQLite database in memory, which keeps nothing; write sqlite:///FILE")
    return parsed.set(drivername="sqlite")
