"""Options that several commands share, how moments are read, and who runs the command."""

from __future__ import annotations

import getpass
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from bandit_router.errors import BadRequest

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write the table to this file as JSON.")]
Since = Annotated[
    str | None,
    typer.Option(help="Look from here on: a date (2026-11-30), or an age in days (7d). All there is when not given."),
]
Until = Annotated[
    str | None, typer.Option(help="Look up to here: a date, or an age in days. All there is when not given.")
]

DEFAULT_CONFIG = Path("router.toml")


def user_name() -> str | None:
    """Return the name of whoever runs the command; None where the system does not know it, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None


def moment(option: str, text: str | None, *, now: datetime) -> datetime | None:
    """Read a date or an age in days, None when there is none; raise `BadRequest`."""
    if not text:
        return None
    if days := re.fullmatch(r"(\d{1,5})d", text):
        return now - timedelta(days=int(days[1]))
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{option} is {text!r}; give a date such as 2026-11-30, or an age such as 7d") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
