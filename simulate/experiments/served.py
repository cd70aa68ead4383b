"""Runs an experiment on the real service over real HTTP, and puts its report beside the recorded truth; prints nothing.

The service never sees the truth: its judge is a simulated model with noise. The truth of an arm is the mean recorded
score and bill of the answers that it served, with what the prompts drawn have in common taken out.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx
import numpy as np

from bandit_router.cli.experiment import conducting
from bandit_router.experiment.adjust import adjusted
from bandit_router.experiment.sample import Sample, mean_sample
from bandit_router.experiment.sequence import Effect
from bandit_router.experiment.spec import ArmSpec, ExperimentSpec, Metric
from bandit_router.settings import load_settings
from bandit_router.steward import Report
from bandit_router.store.session import migrate
from simulate.demo import trial
from simulate.demo.command import trial_seen
from simulate.demo.folder import write_folder
from simulate.demo.processes import free_port, running
from simulate.demo.traffic import Reply, drive, schedule
from simulate.outcomes import Row, Table

POLICIES: Final = ("fixed_cascade", "index")
LABELLED: Final = 0.1
_BATCH: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What the report says of a figure, and what is true: of the answers served, and of prompts at large."""

    figure: str
    reported: Effect
    served: float
    true: float
    error: float
    """Standard error of `true`: it comes from a sample too."""

    @property
    def held(self) -> bool:
        """Return whether the interval holds what is true of prompts at large."""
        return self.reported.low <= self.true <= self.reported.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One run: what was compared with the truth, how many requests failed, and the service's whole report."""

    figures: tuple[Beside, ...]
    failed: int
    report: Report


def compare(path: Path, table: Table, *, requests: int, value_usd: float, judge: Sequence[str], seed: int) -> Served:
    """Serve an experiment of the fixed cascade against `index`; `judge` are options of the fleet, `path` the table's.

    People label one answer in ten, picked at random, as a service that wants the truth would have them do.
    """
    with TemporaryDirectory(prefix="bandit-router-bench-") as folder:
        with _service(Path(folder), path, table, value_usd=value_usd, judge=judge) as (config, url):
            _start(config, requests)
            trial_seen(url)
            replies = asyncio.run(_drive(table, url, requests, seed))
        report = trial.report(config)
    answered = [reply for reply in replies if reply.ok]
    figures = tuple(_beside(report, answered, value_usd))
    return Served(figures=figures, failed=len(replies) - len(answered), report=report)


def _start(config: Path, requests: int) -> None:
    arms = tuple(ArmSpec(name=name, policy=name, control=name == POLICIES[0]) for name in POLICIES)
    spec = ExperimentSpec(name=trial.NAME, arms=arms, planned_units=requests, automatic=False, labels="random")
    with conducting(load_settings(config)) as acting:
        acting.start(spec, by="bench")


@contextmanager
def _service(
    home: Path, path: Path, table: Table, *, value_usd: float, judge: Sequence[str]
) -> Iterator[tuple[Path, str]]:
    """Run the fleet and the service as processes of their own; give the configuration and the URL for clients."""
    fleet_port, port = free_port(), free_port()
    fleet_url = f"http://127.0.0.1:{fleet_port}/v1"
    config = write_folder(home, table, fleet_url=fleet_url, port=port, value_usd=value_usd)
    migrate(load_settings(config).store.url)
    fleet = ["fleet", "--port", str(fleet_port), "--outcomes", str(path.resolve()), *judge]
    with (
        running(fleet, log=home / "fleet.log", ready_url=f"{fleet_url}/models"),
        running(["serve", "-c", str(config)], log=home / "service.log", ready_url=f"http://127.0.0.1:{port}/readyz"),
    ):
        yield config, f"http://127.0.0.1:{port}/v1"


async def _drive(table: Table, url: str, requests: int, seed: int) -> list[Reply]:
    """Ask, and after every few hundred answers say of one in ten how good it was."""
    calls = schedule(table.rows, ("auto",), queries=requests, seed=seed)
    rng, replies = random.Random(seed), list[Reply]()
    async with httpx.AsyncClient(timeout=60) as people:
        for start in range(0, len(calls), _BATCH):
            new = await drive(calls[start : start + _BATCH], url, concurrency=8, seen=lambda _: None)
            replies += new
            for reply in new:
                if reply.ok and rng.random() < LABELLED:
                    said = {"decision_id": reply.decision_id, "score": reply.score}
                    (await people.post(f"{url}/feedback", json=said)).raise_for_status()
    return replies


def _beside(report: Report, replies: Sequence[Reply], value_usd: float) -> Iterator[Beside]:
    said = {each.metric: each for each in report.analysis.treatments[0].metrics}
    arms = [[reply for reply in replies if trial.policy_of(reply.policy) == name] for name in POLICIES]
    floor = -1.0
    measured: dict[Metric, Callable[[Reply], float]] = {
        "quality": lambda reply: reply.score,
        "reward": lambda reply: max(reply.score - reply.cost_usd / value_usd, floor),
        "cost_usd": lambda reply: reply.cost_usd,
    }
    for figure, of in measured.items():
        plain = [_mean([of(reply) for reply in arm]) for arm in arms]
        old, new = adjusted(plain, [np.array([_known(reply.call.row) for reply in arm]) for arm in arms])
        gap = Beside(
            figure=figure,
            reported=said[figure].difference,
            served=plain[1].value - plain[0].value,
            true=new.value - old.value,
            error=float(np.hypot(old.mean.error, new.mean.error)),
        )
        yield gap
        if figure == "cost_usd":
            yield Beside(
                figure="saving",
                reported=said[figure].ratio,
                served=plain[1].value / plain[0].value - 1,
                true=new.value / old.value - 1,
                error=gap.error / old.value,
            )


def _mean(values: Sequence[float]) -> Sample:
    return mean_sample(np.array(values), np.arange(len(values)), len(values))


def _known(row: Row) -> list[float]:
    """Return what the table has of a prompt: every model's score and bill."""
    return [number for arm in row.arms.values() for number in (arm.score, arm.cost_usd)]
