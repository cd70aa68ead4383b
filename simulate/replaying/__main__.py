"""`make bench-replay`: prints how often replay holds the truth, and how fast it is; it asserts nothing."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bandit_router.replay.record import Record
from simulate.replaying.speed import write_log
from simulate.replaying.truth import ROWS, check, played_logs, served_logs, truths
from simulate.replaying.world import JUDGE_USD

_STATIC = 'kind = "static"\nmodel = "medium"\nmin_exploration = 0.1\n'
Repetitions = Annotated[int, typer.Option(help="Logs of 4,000 queries to check the truth on; 0 leaves it out.")]
Served = Annotated[int, typer.Option(help="Such logs through a running service, over HTTP; 0 leaves it out.")]
Decisions = Annotated[int, typer.Option(help="How long the log for speed is; 0 leaves it out.")]


def main(repetitions: Repetitions = 200, served: Served = 10, decisions: Decisions = 10_000_000) -> None:
    """Print the tables."""
    if decisions:
        _speed(decisions)
    if repetitions:
        _truth("", played_logs(range(repetitions)), repetitions, judge_usd=JUDGE_USD)
    if served:
        _truth(" through a service", served_logs(range(served)), served, judge_usd=0.0)


def _truth(title: str, logs: Iterable[Sequence[Record]], count: int, *, judge_usd: float) -> None:
    true = truths(judge_usd=judge_usd)
    with Progress(transient=True) as progress:
        task = progress.add_task("truth", total=count)
        scores = check(logs, true, tick=lambda: progress.advance(task))
    title = f"{count} logs of {ROWS:,} queries{title}: how often the truth was inside a nominal 95 % interval"
    table = Table("policy", "figure", "inside", "mean width", title=title, box=SIMPLE_HEAD)
    for (name, figure), score in scores.items():
        table.add_row(name, figure, f"{score.share:.3f}", f"{score.width:.5f}")
    Console().print(table)


def _speed(decisions: int) -> None:
    """Replay a long log in a process of its own, for its memory to be its own."""
    with tempfile.TemporaryDirectory() as folder:
        log, policy, out = (Path(folder) / name for name in ("log.parquet", "medium.toml", "out.json"))
        policy.write_text(_STATIC)
        with Progress(transient=True) as progress:
            task = progress.add_task("writing", total=decisions)
            write_log(log, decisions, tick=lambda n: progress.advance(task, n))
        command = [sys.executable, "-m", "bandit_router", "replay", str(log), "--target", str(policy)]
        started = time.perf_counter()
        subprocess.run([*command, "--json", str(out)], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        peak, cpu = used.ru_maxrss / 2**20, used.ru_utime + used.ru_stime
        reward = json.loads(out.read_text())["targets"][0]["reward"]
        size = log.stat().st_size / 2**20
    Console().print(
        f"{decisions:,} decisions ({size:,.0f} MiB): {seconds:.1f} s ({cpu:.1f} s of CPU), "
        f"{peak:.2f} GiB at most; "
        f"reward {reward['value']:.4f} ({reward['low']:.4f}, {reward['high']:.4f})"
    )


if __name__ == "__main__":
    typer.run(main)
