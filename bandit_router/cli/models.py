"""`bandit-router models`: the models a service would offer, with their prices."""

from __future__ import annotations

import typer

from bandit_router.cli.options import DEFAULT_CONFIG, Config, Json
from bandit_router.cli.output import show
from bandit_router.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("models")(models)


def models(config: Config = DEFAULT_CONFIG, json_path: Json = None) -> None:
    """List the models by tier, with what they cost and take."""
    settings = load_settings(config)
    from bandit_router.bootstrap import load_catalog

    catalog = load_catalog(settings)
    rows = [
        {
            "tier": model.tier,
            "model": model.name,
            "target": model.target,
            "$/M in": round(model.input_usd_per_token * 1e6, 6),
            "$/M out": round(model.output_usd_per_token * 1e6, 6),
            "context": model.context_window,
            "tools": model.tools,
            "images": model.vision,
            "region": model.region,
        }
        for model in catalog.models
    ]
    show("models", rows, json_path=json_path)
