"""`bandit-router policies`: the policy specs, which learned version of each serves, and how to go back to another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bandit_router.cli.options import DEFAULT_CONFIG, Config, Json
from bandit_router.cli.output import show
from bandit_router.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from bandit_router.switch import Switch

Name = Annotated[str, typer.Argument(help="The policy, or panel, pacer or drift.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Kept with the decision.")]


def register(app: typer.Typer) -> None:
    """Add the command group; by itself it lists."""
    group = typer.Typer(help="List policies, see what the gate decided, roll back.", invoke_without_command=True)
    group.callback()(by_itself)
    for name, command in (
        ("list", list_policies),
        ("gate", gate),
        ("versions", versions),
        ("rollback", rollback),
        ("release", release),
    ):
        group.command(name)(command)
    app.add_typer(group, name="policies")


def by_itself(context: typer.Context, config: Config = DEFAULT_CONFIG, json_path: Json = None) -> None:
    """List policies, see what the gate decided, roll back; by itself, list them."""
    if context.invoked_subcommand is None:
        list_policies(config, json_path)


def list_policies(config: Config = DEFAULT_CONFIG, json_path: Json = None) -> None:
    """List the policies, their kinds, and the version that serves of all that learns."""
    settings = load_settings(config)
    from bandit_router.policy.load import load_specs

    specs = load_specs(settings.policies.dir)
    rows: list[dict[str, object]] = []
    with _switch(config) as switch:
        found = {standing.policy: standing for standing in switch.standings()}
        for name in [*specs, *(name for name in found if name not in specs)]:
            spec, standing = specs.get(name), found.get(name)
            kept = switch.versions.kept(name) if standing else ()
            events = {each.number: each.events for each in kept}
            rows.append(
                {
                    "policy": name + (" (default)" if name == settings.policies.default else ""),
                    "kind": spec.kind if spec else None,
                    "version": standing.serving if standing else 0,
                    "newest": standing.newest if standing else 0,
                    "pinned": "yes" if standing and standing.pinned else None,
                    "events learned": events.get(standing.serving, 0) if standing else 0,
                    "description": spec.description if spec else "",
                }
            )
    show("policies", rows, json_path=json_path)


def gate(
    name: Annotated[str | None, typer.Argument(help="One policy; all when not given.", show_default=False)] = None,
    config: Config = DEFAULT_CONFIG,
    limit: Annotated[int, typer.Option(help="How many of the newest.", min=1)] = 20,
    json_path: Json = None,
) -> None:
    """Show what was decided on versions, by the gate or by people, the newest first."""
    with _switch(config) as switch:
        rows: list[dict[str, object]] = [
            {
                "at": f"{each.at:%Y-%m-%d %H:%M:%S}",
                "policy": each.policy,
                "version": each.number,
                "over": each.over,
                "decision": each.kind,
                "by": each.by,
                "reason": each.reason,
            }
            for each in switch.decisions(name, limit=limit)
        ]
    show("decisions on versions", rows, json_path=json_path)


def versions(name: Name, config: Config = DEFAULT_CONFIG, json_path: Json = None) -> None:
    """List the versions whose state is kept, the newest first: those that can be rolled back to."""
    with _switch(config) as switch:
        switch.require(name)
        serving = {standing.policy: standing.serving for standing in switch.standings()}
        rows: list[dict[str, object]] = [
            {
                "version": each.number,
                "serves": "yes" if each.number == serving.get(name) else None,
                "events learned": each.events,
                "at": f"{each.created_at:%Y-%m-%d %H:%M:%S}",
            }
            for each in switch.versions.kept(name)
        ]
    show(f"versions of {name}", rows, json_path=json_path)


def rollback(
    name: Name,
    config: Config = DEFAULT_CONFIG,
    to: Annotated[
        int | None,
        typer.Option(help="The version; the one that served before when not given; 0: nothing learned.", min=0),
    ] = None,
    reason: Reason = "rolled back by an operator",
) -> None:
    """Let an earlier version serve, at once and until it is released; learning goes on."""
    with _switch(config) as switch:
        done = switch.rollback(name, to=to, by="command line", reason=reason)
    typer.echo(f"version {done.number} of {name} serves from now on, until: bandit-router policies release {name}")


def release(name: Name, config: Config = DEFAULT_CONFIG, reason: Reason = "released by an operator") -> None:
    """Take the pin of a rollback out: newer versions serve again once they pass the gate."""
    with _switch(config) as switch:
        switch.release(name, by="command line", reason=reason)
    typer.echo(f"{name} is released: newer versions serve again once they pass the gate")


@contextmanager
def _switch(config: Path) -> Iterator[Switch]:
    settings = load_settings(config)
    from bandit_router.bootstrap import make_switch
    from bandit_router.store.session import check_schema, open_engine

    engine = open_engine(settings.store.url)
    try:
        check_schema(engine)
        yield make_switch(settings, engine)
    finally:
        engine.dispose()
