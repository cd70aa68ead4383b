"""Assembles the `bandit-router` command and turns named errors into one line and exit code 2."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import typer

from bandit_router import __version__
from bandit_router.cli import experiment, export, init, judges, keys, migrate, models, policies, replay, review, serve
from bandit_router.cli.output import complain
from bandit_router.errors import RouterError

PLUGINS = "bandit_router.commands"


def build() -> typer.Typer:
    """Return the command with every sub-command, those of installed plug-ins included."""
    app = typer.Typer(
        name="bandit-router",
        help="Route each query to the cheapest model that will do, and keep learning which one that is.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback(invoke_without_command=True)(_root)
    for module in (init, serve, migrate, models, policies, judges, keys, review, export, experiment, replay):
        module.register(app)
    for plugin in entry_points(group=PLUGINS):
        plugin.load()(app)
    return app


def main() -> None:
    """Run the command line."""
    try:
        build()()
    except RouterError as error:
        complain(error)
        sys.exit(2)


def _root(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
