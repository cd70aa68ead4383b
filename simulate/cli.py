"""Adds the simulation's commands to `bandit-router`; what they do is elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as Grid

from bandit_router.cli.output import write_json
from simulate.bench import command as bench
from simulate.demo import command as demo
from simulate.fleet.judge import JUDGE
from simulate.fleet.options import FleetOptions
from simulate.fleet.server import FleetServer
from simulate.outcomes import Table, demo_table
from simulate.prices import JUDGE_PRICE, price_list

_FAULTS = "What goes wrong, and how often"

Outcomes = Annotated[
    Path | None,
    typer.Option(
        help="Outcome table (.jsonl or .jsonl.gz); default: the examples of the demo extra.", show_default=False
    ),
]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Latency = Annotated[float, typer.Option(help="Mean latency of models and judge, with lognormal jitter.")]
ErrorRate = Annotated[float, typer.Option(help="Share of model calls that end in a 500.", rich_help_panel=_FAULTS)]
RateLimitRate = Annotated[float, typer.Option(help="Share of model calls that end in a 429.", rich_help_panel=_FAULTS)]
TimeoutRate = Annotated[float, typer.Option(help="Share of model calls that hang.", rich_help_panel=_FAULTS)]
JudgeNoise = Annotated[
    float | None,
    typer.Option(help="Standard deviation of the judge's error; 0.1 unless --judge-auc is given.", show_default=False),
]
JudgeAuc = Annotated[
    float | None,
    typer.Option(help="AUC of the judge, from 0.5 to below 1, instead of --judge-noise.", show_default=False),
]
JudgeMalformed = Annotated[
    float, typer.Option(help="Share of verdicts that are not the JSON asked for.", rich_help_panel=_FAULTS)
]
JudgeGullible = Annotated[
    bool,
    typer.Option(
        "--judge-gullible",
        help="Let the judge be swayed by whatever its prompt does not keep from it.",
        rich_help_panel=_FAULTS,
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of all that is drawn.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Also write the address and the prices to this file.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the commands to the CLI."""
    app.command()(fleet)
    demo.register(app)
    bench.register(app)


def fleet(  # noqa: PLR0913 (one parameter an option is how Typer is told of them)
    *,
    outcomes: Outcomes = None,
    port: Port = 8090,
    host: Host = "127.0.0.1",
    latency_ms: Latency = 0.0,
    error_rate: ErrorRate = 0.0,
    rate_limit_rate: RateLimitRate = 0.0,
    timeout_rate: TimeoutRate = 0.0,
    judge_noise: JudgeNoise = None,
    judge_auc: JudgeAuc = None,
    judge_malformed: JudgeMalformed = 0.0,
    judge_gullible: JudgeGullible = False,
    seed: Seed = 0,
    json_file: JsonFile = None,
) -> None:
    """Serve simulated models that answer from recorded outcomes, and their judge, over OpenAI's protocol."""
    options = FleetOptions(
        latency_ms=latency_ms,
        error_rate=error_rate,
        rate_limit_rate=rate_limit_rate,
        timeout_rate=timeout_rate,
        judge_noise=judge_noise,
        judge_auc=judge_auc,
        judge_malformed=judge_malformed,
        judge_gullible=judge_gullible,
        seed=seed,
    )
    table = demo_table(outcomes)
    server = FleetServer(table, options, host=host, port=port)
    try:
        listing = _listing(table, url=server.url)
        if json_file:
            write_json(json_file, listing)
        _show(listing, prompts=len(table.rows))
        server.run()
    finally:
        server.stop()


def _listing(table: Table, *, url: str) -> dict[str, Any]:
    """Return the fleet's address and its models with prices in USD per million tokens and means per request."""
    models = [
        {
            "name": model,
            "input_usd_per_million": price[0] * 1e6,
            "output_usd_per_million": price[1] * 1e6,
            "mean_score": table.mean_score(model),
            "mean_cost_usd": table.mean_cost_usd(model),
        }
        for model, price in price_list(table).items()
    ]
    judge = {
        "name": JUDGE,
        "input_usd_per_million": JUDGE_PRICE[0] * 1e6,
        "output_usd_per_million": JUDGE_PRICE[1] * 1e6,
    }
    return {"url": url, "models": models, "judge": judge}


def _show(listing: dict[str, Any], *, prompts: int) -> None:
    typer.echo(f"The fleet listens on {listing['url']} with {prompts} prompts; Ctrl-C ends it.")
    grid = Grid("model", "$/M in", "$/M out", "score", "$/request")
    grid.columns[0].overflow = "fold"
    for column in grid.columns[1:]:
        column.justify = "right"
    for model in [*listing["models"], listing["judge"]]:
        prices = [f"{model[key]:.4f}" for key in ("input_usd_per_million", "output_usd_per_million")]
        means = [f"{model['mean_score']:.4f}", f"{model['mean_cost_usd']:.6f}"] if "mean_score" in model else ["", ""]
        grid.add_row(model["name"], *prices, *means)
    Console().print(grid)
