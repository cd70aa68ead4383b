"""`bandit-router demo`: watch a bandit learn on real prompts over real HTTP, beside the fixed cascade."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid
from sqlalchemy import select

from bandit_router.cli.output import write_json
from bandit_router.errors import ConfigError, UnknownPolicy
from bandit_router.policy.load import load_specs
from bandit_router.resources import shipped
from bandit_router.settings import load_settings
from bandit_router.store.session import migrate, open_engine
from bandit_router.store.tables import steps
from bandit_router.types import Action
from simulate.demo import trial
from simulate.demo.folder import write_folder
from simulate.demo.processes import free_port, running
from simulate.demo.report import Line, summarise
from simulate.demo.traffic import Reply, drive, schedule
from simulate.outcomes import Table, demo_table

POLICIES = ("fixed_cascade", "vw_cb")
SEEN_S = 20.0
RUNNING_MEAN = 200
"""How many of a policy's latest requests its running figures cover."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(  # noqa: PLR0913 (one parameter an option is how Typer is told of them)
    *,
    outcomes: Annotated[Path | None, typer.Option(help="Outcome table; default: that of the demo extra.")] = None,
    queries: Annotated[int, typer.Option(help="How many prompts to send.", min=2)] = 1000,
    policy: Annotated[list[str] | None, typer.Option(help="A shipped policy to run; repeatable.")] = None,
    value_usd: Annotated[float, typer.Option(help="What one fully good answer is worth.", min=1e-9)] = 0.01,
    judge_noise: Annotated[float, typer.Option(help="Standard deviation of the judge's error.", min=0.0)] = 0.1,
    concurrency: Annotated[int, typer.Option(help="Requests in flight at once.", min=1)] = 8,
    seed: Annotated[int, typer.Option(help="Order of the prompts.")] = 0,
    folder: Annotated[Path | None, typer.Option(help="Keep configuration, database and logs here.")] = None,
    stay: Annotated[bool, typer.Option("--stay", help="Keep serving afterwards, until Ctrl-C.")] = False,
    json_path: Annotated[Path | None, typer.Option("--json", help="Also write the table to this file.")] = None,
) -> None:
    """Send real prompts to an experiment, the fixed cascade against the bandit, and say what came of it."""
    policies = _known(policy or POLICIES)
    console, table = Console(), demo_table(outcomes)
    with ExitStack() as stack:
        home = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bandit-router-demo-")))
        url = stack.enter_context(_service(home, table, outcomes, value_usd=value_usd, judge_noise=judge_noise))
        console.print(f"service: {url}   simulated models: {len(table.models)}   folder: {home}", soft_wrap=True)
        compares = len(policies) > 1
        if compares:
            trial.start(home / "router.toml", policies, queries=queries)
            trial_seen(url)
        calls = schedule(table.rows, ("auto",) if compares else policies, queries=queries, seed=seed)
        with _progress(console) as progress:
            bars = Bars(progress, policies, queries=queries)
            replies = asyncio.run(drive(calls, url, concurrency=concurrency, seen=bars.seen))
        lines = summarise(replies, start_tiers(home), table, value_usd=value_usd)
        show_lines(console, lines, table, failed=[reply for reply in replies if not reply.ok])
        if compares:
            trial.show(console, trial.report(home / "router.toml"))
        if json_path:
            write_json(json_path, [asdict(line) for line in lines])
        what_next(console, url, replies, stay=stay)
        if stay:
            _wait()


def trial_seen(url: str) -> None:
    """Wait until the service gives requests to the experiment."""
    until = time.monotonic() + SEEN_S
    while not _runs(url):
        if time.monotonic() > until:
            raise ConfigError("the service did not take up the experiment; its log says why")
        time.sleep(0.05)


def _runs(url: str) -> bool:
    """Return whether the service serves the policies of the experiment's arms."""
    with urllib.request.urlopen(f"{url}/models", timeout=5.0) as response:
        return any(model["id"].startswith(f"{trial.NAME}.") for model in json.load(response)["data"])


def _known(policies: Sequence[str]) -> tuple[str, ...]:
    specs = load_specs(shipped("policies"))
    for name in policies:
        if name not in specs:
            raise UnknownPolicy(name, specs)
    return tuple(dict.fromkeys(policies))


@contextmanager
def _service(home: Path, table: Table, outcomes: Path | None, *, value_usd: float, judge_noise: float) -> Iterator[str]:
    """Run the fleet and the service as processes of their own; give the base URL for clients."""
    if (home / "router.db").exists():
        raise ConfigError("holds an earlier run; choose another --folder or remove it", path=str(home))
    home.mkdir(parents=True, exist_ok=True)
    fleet_port, port = free_port(), free_port()
    fleet = ["fleet", "--port", str(fleet_port), "--judge-noise", str(judge_noise)]
    fleet += ["--outcomes", str(outcomes.resolve())] if outcomes else []
    fleet_url = f"http://127.0.0.1:{fleet_port}/v1"
    config = write_folder(home, table, fleet_url=fleet_url, port=port, value_usd=value_usd)
    migrate(load_settings(config).store.url)
    served = ["serve", "-c", str(config)]
    with (
        running(fleet, log=home / "fleet.log", ready_url=f"{fleet_url}/models"),
        running(served, log=home / "service.log", ready_url=f"http://127.0.0.1:{port}/readyz"),
    ):
        yield f"http://127.0.0.1:{port}/v1"


def start_tiers(home: Path) -> Mapping[str, int]:
    """Return the tier that each decision in a demonstration's database started at."""
    engine = open_engine(load_settings(home / "router.toml").store.url)
    with engine.connect() as connection:
        query = select(steps.c.decision_id, steps.c.actions, steps.c.chosen).where(steps.c.idx == 0)
        starts = {row.decision_id: Action(**row.actions[row.chosen]).tier for row in connection.execute(query)}
    engine.dispose()
    return starts


class Bars:
    """A progress bar for each policy, its share of all queries, with the quality and cost of its latest requests."""

    def __init__(self, progress: Progress, policies: Sequence[str], *, queries: int) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {p: progress.add_task(p, total=queries, figures="") for p in policies}
        self._replies: dict[str, list[Reply]] = {policy: [] for policy in policies}

    def seen(self, reply: Reply) -> None:
        """Count one reply and show the figures it changes."""
        if not reply.ok:
            return
        policy = trial.policy_of(reply.policy)
        latest = self._replies[policy]
        latest.append(reply)
        del latest[:-RUNNING_MEAN]
        quality, cost = fmean(r.score for r in latest), fmean(r.cost_usd for r in latest)
        figures = f"quality {quality:.3f}  ${cost:.5f} a request"
        self._progress.update(self._tasks[policy], advance=1, figures=figures)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:>13}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TextColumn("{task.fields[figures]}"), console=console)


def show_lines(console: Console, lines: Sequence[Line], table: Table, *, failed: Sequence[Reply]) -> None:
    """Print the report, which fits 80 columns with three models, and what its columns mean."""
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    grid.add_column("policy", no_wrap=True)
    for column in ("n", "quality", "$/request", "reward", *(f"tier {i}" for i in range(len(table.models)))):
        grid.add_column(column, justify="right")
    for line in lines:
        shares = [f"{line.start_share.get(tier, 0.0):.0%}" for tier in range(len(table.models))]
        figures = (str(line.n), f"{line.quality:.4f}", f"{line.cost_usd:.6f}", f"{line.reward:.4f}")
        grid.add_row(line.policy, *figures, *shares)
    console.print(grid)
    for tier, model in enumerate(table.models):
        console.print(f"tier {tier}: {model}")
    console.print("a tier's column: the share of requests that started there")
    console.print("quality: recorded score of the answer; $/request: models and judges; reward: quality - $ / value")
    if failed:
        console.print(f"{len(failed)} requests failed, the first with: {failed[0].error}", style="red", markup=False)


def what_next(console: Console, url: str, replies: Sequence[Reply], *, stay: bool) -> None:
    """Print what to look at while the service stays, or how to make it stay."""
    root = url.removesuffix("/v1")
    example = next((reply.decision_id for reply in reversed(replies) if reply.ok), "ID")
    if not stay:
        console.print("next: the same with --stay keeps serving; README.md shows how to put your own models behind it")
        return
    console.print("what to open next (Ctrl-C ends it):")
    console.print(f"  {url}/decisions/{example}   why that model", soft_wrap=True)
    console.print(f"  {root}/metrics   dollars, escalations, learner lag", soft_wrap=True)
    console.print(f"  {url}/models   what to ask for; an OpenAI client takes base_url={url}", soft_wrap=True)


def _wait() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
