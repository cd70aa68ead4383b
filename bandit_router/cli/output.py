"""How every command prints: a table or JSON to standard output, one line to standard error when it fails."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bandit_router.errors import ConfigError


def show(title: str, rows: Sequence[Mapping[str, object]], *, json_path: Path | None = None) -> None:
    """Print rows as a table, without the columns that hold nothing, and write them as JSON where a path is given."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = [column for column in rows[0] if any(row[column] is not None for row in rows)] if rows else []
    for column in columns or ["nothing yet"]:
        number = bool(rows) and isinstance(rows[0][column], int | float) and not isinstance(rows[0][column], bool)
        width = max(map(len, column.split()))  # a header may break between words only
        table.add_column(column, overflow="fold", justify="right" if number else "left", min_width=width)
    for row in rows:
        table.add_row(*("" if row[column] is None else str(row[column]) for column in columns))
    Console().print(table)
    if json_path:
        write_json(json_path, list(rows))


def write_json(path: Path, data: object) -> None:
    """Write data as JSON; raise `ConfigError` when the path cannot be written."""
    try:
        path.write_text(json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be written ({error.strerror}); choose another path", path=str(path)) from error


def complain(error: object) -> None:
    """Print an error as one line on standard error."""
    Console(stderr=True, soft_wrap=True).print(f"error: {error}", style="red", markup=False, highlight=False)
