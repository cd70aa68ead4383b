"""`bandit-router simulate`: replays an outcome table through policies and says which did best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bandit_router.cli.output import write_json
from bandit_router.errors import ConfigError
from simulate.bench.entrants import load_entrants
from simulate.bench.grid import Job, jobs_at_spend, jobs_of, play_here, play_spread
from simulate.bench.judges import parse_judge
from simulate.bench.newcomers import with_newcomers
from simulate.bench.peer import peer_entrants
from simulate.bench.ray_engine import play_on_ray
from simulate.bench.record import Run
from simulate.bench.report.page import write_report
from simulate.bench.result import result
from simulate.bench.scenarios import SCENARIOS, scenario
from simulate.bench.show import show
from simulate.bench.stream import PROBES, Setting, rows_of
from simulate.bench.world import Tick, World, load_world
from simulate.outcomes import demo_table

Engine = Literal["local", "ray"]
_SCENARIO_HELP: Final = f"What changes on the way: {', '.join(SCENARIOS)}."

Policies = Annotated[
    list[str] | None, typer.Option(help="A policy file, random or oracle; repeatable.", show_default=False)
]
Budgets = Annotated[
    list[float] | None,
    typer.Option(help="USD a request the peer's own pacer aims at; repeatable.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


def simulate(  # noqa: PLR0913 (one parameter an option is how Typer is told of them)
    outcomes: Annotated[
        Path | None,
        typer.Argument(
            help="Outcome table (.jsonl or .jsonl.gz); default: that of the demo extra.", show_default=False
        ),
    ] = None,
    *,
    policy: Policies = None,
    value_usd: Annotated[float, typer.Option(help="What one fully good answer is worth.", min=1e-9)] = 0.01,
    budget_usd: Annotated[
        float | None,
        typer.Option(help="USD a request: the pacer moves the dial to meet it.", min=1e-12, show_default=False),
    ] = None,
    judge: Annotated[str, typer.Option(help="[rules+]recorded[:a,b], auc:A or noise:S.")] = "auc:0.85",
    judge_cost_usd: Annotated[float, typer.Option(help="USD for judging one answer, by all judges.", min=0.0)] = 0.0,
    seeds: Annotated[int, typer.Option(help="How many shuffles to play, seeds 0 and up.", min=1)] = 3,
    rows: Annotated[
        int | None, typer.Option(help="Take so many rows of each shuffle; all when left out.", min=1)
    ] = None,
    scenario_name: Annotated[str, typer.Option("--scenario", help=_SCENARIO_HELP)] = "stationary",
    feedback_rate: Annotated[
        float, typer.Option(help="Share of queries whose true score comes back.", min=0.0, max=1.0)
    ] = 0.0,
    probes: Annotated[
        int,
        typer.Option(
            help="Probes of a model that comes later, four times as many in doubt; 0: it takes queries at once.", min=0
        ),
    ] = PROBES,
    jobs: Annotated[int, typer.Option(help="How many processes play side by side.", min=1)] = 1,
    engine: Annotated[Engine, typer.Option(help="Where they run: here, or as Ray tasks.")] = "local",
    peer: Annotated[
        str | None, typer.Option(help="Also play another package: paretobandit.", show_default=False)
    ] = None,
    peer_budget: Budgets = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Also write the result to this file.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write a page with pictures to this file.", show_default=False)
    ] = None,
) -> None:
    """Replay recorded outcomes through policies that learn online, and compare them with what hindsight shows."""
    console = Console()
    entrants = [*load_entrants(policy or []), *peer_entrants(peer, peer_budget or [])]
    if not entrants:
        raise ConfigError("there is nothing to play; give --policy FILE, random or oracle")
    setting = Setting(
        value_usd=value_usd,
        budget_usd=budget_usd,
        judge_cost_usd=judge_cost_usd,
        feedback_rate=feedback_rate,
        rows=rows,
        scenario=scenario_name,
        probes=probes,
    )
    with _progress(console) as progress:
        world = _world(outcomes, judge, setting, seeds, progress)
        how = partial(_play, world, setting, engine=engine, processes=jobs, progress=progress)
        runs = how(jobs_of(entrants, seeds))
        runs += how(jobs_at_spend(entrants, runs))
    found = result(world, setting, runs, judge=judge)
    show(found, console, seeds=seeds)
    if json_path:
        write_json(json_path, found)
    if report:
        write_report(report, found, world, setting, runs)


def _world(outcomes: Path | None, judge: str, setting: Setting, seeds: int, progress: Progress) -> World:
    spec = parse_judge(judge)
    scenario(setting.scenario)
    table = demo_table(outcomes, unique=False)
    size = len(table.rows)
    needed = {int(row) for seed in range(seeds) for row in rows_of(seed, size=size, rows=setting.rows)}
    world = load_world(table, spec, needed=needed, tick=_bar(progress, "contexts", len(needed)))
    return with_newcomers(world, setting.scenario)


def _play(
    world: World, setting: Setting, jobs: Sequence[Job], *, engine: Engine, processes: int, progress: Progress
) -> list[Run]:
    if not jobs:
        return []
    queries = min(world.size, setting.rows or world.size)
    tick = _bar(progress, "queries", queries * len(jobs))
    if engine == "ray":
        return play_on_ray(world, setting, jobs, processes=processes, tick=tick)
    if processes == 1 or len(jobs) == 1:
        return play_here(world, setting, jobs, tick=tick)
    return play_spread(world, setting, jobs, processes=processes, tick=tick)


def _bar(progress: Progress, name: str, total: int) -> Tick:
    task = progress.add_task(name, total=total)
    return partial(_advance, progress, task)


def _advance(progress: Progress, task: object, done: int) -> None:
    progress.advance(task, done)  # type: ignore[arg-type]


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield progress
