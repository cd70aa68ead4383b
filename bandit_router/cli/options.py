"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write the table to this file as JSON.")]

DEFAULT_CONFIG = Path("router.toml")
