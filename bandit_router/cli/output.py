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
    """Print rows as a table, and write them as JSON where a path is given."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for column, value in (rows[0] if rows else {"nothing yet": ""}).items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        table.add_column(column, overflow="fold", justify="right" if number else "left")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
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
