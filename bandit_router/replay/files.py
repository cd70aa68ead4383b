"""Reads and writes files of records, Parquet or JSONL, a row group at a time; it knows no database."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from bandit_router.errors import ConfigError
from bandit_router.replay.record import Record
from bandit_router.replay.row import TARGET_PROB, Row, moment, to_record, to_row
from bandit_router.replay.schema import KEY, VERSION, arrow, schema

GROUP: Final = 2000
"""Decisions in a row group: what is held in memory at once."""


def write_records(path: Path, records: Iterable[Record]) -> Iterator[int]:
    """Write records to a file of the kind its name says; yield how many there are after each row group.

    Raise `ConfigError` for another name, or one that cannot be written.
    """
    kind = kind_of(path)
    groups = iter(records)
    done = 0
    try:
        with _parquet(path) if kind == "parquet" else _jsonl(path) as write:
            while group := list(islice(groups, GROUP)):
                write([to_row(record) for record in group])
                done += len(group)
                yield done
    except OSError as error:
        raise ConfigError(f"cannot be written ({error.strerror}); choose another path", path=str(path)) from error


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of a file; raise `ConfigError` with the place and the remedy where it holds no record."""
    if kind_of(path) == "parquet":
        for group in groups_of(path):
            yield from read_group(path, group.number)
        return
    for number, line in _lines(path):
        yield _read(_json(line, path, number), path, number)


def kind_of(path: Path) -> str:
    """Return `parquet` or `jsonl` by the name of a file; raise `ConfigError` for another."""
    if path.suffix == ".parquet":
        return "parquet"
    if path.suffix in (".jsonl", ".ndjson") or path.name.endswith(".jsonl.gz"):
        return "jsonl"
    raise ConfigError("is of no known kind; name it .parquet, .jsonl or .jsonl.gz", path=str(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """A row group of a Parquet file; `inside`: all of its decisions are known to be made in the time asked for."""

    number: int
    rows: int
    inside: bool


def groups_of(path: Path, since: datetime | None = None, until: datetime | None = None) -> list[RowGroup]:
    """Return the row groups of a Parquet file that may hold decisions made in [since, until).

    Raise `ConfigError` unless it is a file of this schema.
    """
    whole, found = parquet(path).metadata, []
    for number in range(whole.num_row_groups):
        group = whole.row_group(number)
        times = _times(group) if since or until else None
        inside = not (since or until) if times is None else all(_within(at, since, until) for at in times)
        if times is None or ((since is None or times[1] >= since) and (until is None or times[0] < until)):
            found.append(RowGroup(number=number, rows=group.num_rows, inside=inside))
    return found


def rows_within(path: Path, since: datetime | None, until: datetime | None) -> int:
    """Return how many decisions of a Parquet file were made in [since, until); it reads times alone, and few."""
    groups = groups_of(path, since, until)
    return sum(group.rows if group.inside else _counted(path, group.number, since, until) for group in groups)


def _counted(path: Path, group: int, since: datetime | None, until: datetime | None) -> int:
    with _unbroken(path):
        times = columns_of(path, group, ["created_at"])["created_at"].to_pylist()
        return sum(_within(moment(at), since, until) for at in times)


def _times(group: Any) -> tuple[datetime, datetime] | None:
    """Return the first and the last time that a row group says it holds."""
    for place in range(group.num_columns):
        column = group.column(place)
        if column.path_in_schema == "created_at" and column.statistics is not None and column.statistics.has_min_max:
            first, last = column.statistics.min, column.statistics.max
            return (first, last) if isinstance(first, datetime) and first.tzinfo else None
    return None


def _within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or at >= since) and (until is None or at < until)


def read_group(path: Path, group: int) -> list[Record]:
    """Return the records of one row group of a Parquet file."""
    return [_read(row, path, None) for row in rows_of(path, group)]


def rows_of(path: Path, group: int) -> list[Row]:
    """Return the rows of one row group."""
    with _unbroken(path):
        found: list[Row] = parquet(path).read_row_group(group, use_threads=False).to_pylist()
    return found


def columns_of(path: Path, group: int, names: Sequence[str]) -> Any:
    """Return some columns of one row group as an Arrow table; names that the file has not are left out."""
    with _unbroken(path):
        return parquet(path).read_row_group(group, columns=list(names), use_threads=False)


@contextmanager
def _unbroken(path: Path) -> Iterator[None]:
    """Raise `ConfigError` for a page that cannot be read: only what is read of a file is seen to be damaged."""
    try:
        yield
    except (KeyError, OSError, OverflowError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"is damaged ({reason}); export it again", path=str(path)) from error


def parquet(path: Path) -> Any:
    """Open a Parquet file; raise `ConfigError` when it is none, or is not of this schema."""
    pa = arrow()
    try:
        file = pa.parquet.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise ConfigError(f"cannot be read as Parquet ({reason})", path=str(path)) from error
    found = (file.schema_arrow.metadata or {}).get(KEY.encode(), b"").decode()
    _check_version(found, str(path), None)
    return file


def _check_version(found: str, path: str, line: int | None) -> None:
    if found != str(VERSION):
        said = f"is of schema {found}, and {VERSION} is known" if found else "is no exported log"
        raise ConfigError(f"{said}; make one with `bandit-router export` or `import`", path=path, line=line)


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    pa = arrow()
    columns: list[Any] = []

    def write(rows: Sequence[Row]) -> None:
        if not columns:
            extra = [(name, pa.float64()) for name in rows[0] if name.startswith(TARGET_PROB)]
            whole = pa.schema([*schema(), *(pa.field(*one) for one in extra)], metadata=schema().metadata)
            columns.extend([whole, pa.parquet.ParquetWriter(path, whole, compression="zstd")])
        columns[1].write_table(pa.Table.from_pylist([_mapped(row) for row in rows], schema=columns[0]))

    try:
        yield write
    finally:
        if not columns:
            columns.extend([schema(), pa.parquet.ParquetWriter(path, schema())])
        columns[1].close()


def _mapped(row: Row) -> Row:
    """Return a row whose maps are pairs, as Arrow wants them."""
    context = row["context"]
    return {**row, "context": {**context, "surface": list(context["surface"].items())}}


@contextmanager
def _jsonl(path: Path) -> Iterator[Any]:
    with _open(path, "wt") as file:

        def write(rows: Sequence[Row]) -> None:
            for row in rows:
                file.write(json.dumps({KEY: VERSION, **row}, default=_plain, ensure_ascii=False) + "\n")

        yield write


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no JSON")


def _open(path: Path, mode: str) -> IO[Any]:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.GzipFile(path, mode[0] + "b"), encoding="utf-8")
    return path.open(mode[0], encoding="utf-8")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with _open(path, "rt") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot be read ({reason})", path=str(path)) from error


def _json(line: str, path: Path, number: int) -> Row:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ConfigError(f"is not JSON ({error.msg})", path=str(path), line=number) from error
    _check_version(str(row.get(KEY, "")) if isinstance(row, dict) else "", str(path), number)
    found: Row = row
    return found


def _read(row: Row, path: Path, line: int | None) -> Record:
    try:
        return to_record(row)
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        whose = row.get("id", "a decision")
        said = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"{whose!r} is no decision of this schema ({said})", path=str(path), line=line) from error
