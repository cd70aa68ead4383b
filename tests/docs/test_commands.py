"""docs/commands.md lists every command and option; `make docs` writes it anew with this file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from bandit_router.cli.app import build

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def reference() -> str:
    """Return the page."""
    parts = ["# Commands", "Exit code 0: done. Exit code 2: bad input, with one line on what and how to fix it."]
    for path, command in _commands(get_command(build()), ()):
        rows = [_row(parameter) for parameter in command.params]
        parts += [
            f"## `bandit-router {' '.join(path)}`",
            command.help,
            "\n".join(["| | default | |", "|---|---|---|", *rows]),
        ]
    return "\n\n".join(parts) + "\n"


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, (*path, name))
    if path and not hasattr(command, "commands"):
        yield path, command


def _row(parameter: Any) -> str:
    name = ", ".join(f"`{option}`" for option in parameter.opts)
    default = "" if parameter.default is None or parameter.required else f"`{parameter.default}`"
    return f"| {name} | {default} | {parameter.help} |"


def test_the_page_lists_every_command_and_option() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference()


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
