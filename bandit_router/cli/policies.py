"""`bandit-router policies`: the policy specs, and what has been learned for each."""

from __future__ import annotations

import typer

from bandit_router.cli.options import DEFAULT_CONFIG, Config, Json
from bandit_router.cli.output import show
from bandit_router.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("policies")(policies)


def policies(config: Config = DEFAULT_CONFIG, json_path: Json = None) -> None:
    """List the policies, their kinds, and the newest version of those that learn."""
    settings = load_settings(config)
    from bandit_router.policy.load import load_specs
    from bandit_router.store.session import check_schema, open_engine
    from bandit_router.store.versions import Versions

    specs = load_specs(settings.policies.dir)
    engine = open_engine(settings.store.url)
    check_schema(engine)
    versions = Versions(engine)
    rows: list[dict[str, object]] = []
    for name, spec in specs.items():
        newest = versions.latest(name)
        rows.append(
            {
                "policy": name + (" (default)" if name == settings.policies.default else ""),
                "kind": spec.kind,
                "version": newest.number if newest else 0,
                "events learned": newest.events if newest else 0,
                "description": spec.description,
            }
        )
    engine.dispose()
    show("policies", rows, json_path=json_path)
