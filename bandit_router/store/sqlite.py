"""Opens SQLite files and notices when one is deleted or replaced underneath; it knows no table and makes no schema."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError

_FILE: Final = "file"
"""Where a pooled connection keeps which file it has open."""
_BUSY_PAUSE_S: Final = 0.005


def open_sqlite(url: URL, *, create: bool, busy_timeout_s: float) -> Engine:
    """Return an engine for a file; without `create` a file that is missing is an error and never made."""
    path = Path(url.database or "").absolute()

    def connect() -> sqlite3.Connection:
        uri = f"file:{quote(path.as_posix())}?mode={'rwc' if create else 'rw'}"
        return sqlite3.connect(uri, uri=True, timeout=busy_timeout_s, check_same_thread=False)

    engine = create_engine(url, hide_parameters=True, creator=connect)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: Any) -> None:
        record.info[_FILE] = _identity(path)
        connection.isolation_level = None  # the driver's own BEGIN comes too late: after the first read
        _use_wal(connection, wait_s=busy_timeout_s)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "checkout")
    def _check(_connection: object, record: Any, _proxy: object) -> None:
        # A file that was deleted goes on taking writes until it is closed, and then they are gone.
        if _identity(path) != record.info[_FILE]:
            raise DisconnectionError("the database's file was deleted or replaced")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes later cannot wait for another writer, it can only fail.
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def is_missing(engine: Engine) -> bool:
    """Tell whether an engine is for an SQLite file that is not there, in a folder that is."""
    path = Path(engine.url.database or "").absolute()
    return engine.dialect.name == "sqlite" and path.parent.is_dir() and not path.exists()


def _use_wal(connection: sqlite3.Connection, *, wait_s: float) -> None:
    """Switch the file to a write-ahead log; the first of several connections does it, the others wait for that.

    SQLite answers "busy" at once, without its own waiting, where two connections switch the same new file: each
    reads, and neither could then be alone with it.
    """
    give_up = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up:
                raise
        time.sleep(_BUSY_PAUSE_S)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells one file from another of the same name; None when there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
