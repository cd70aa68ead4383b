"""Plays the grid on a Ray cluster, or on a local Ray where none is at hand; the function played is the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bandit_router.replay.rays import running
from simulate.bench.grid import Job
from simulate.bench.play import play
from simulate.bench.record import Run
from simulate.bench.stream import Setting
from simulate.bench.world import Tick, World


def play_on_ray(world: World, setting: Setting, jobs: Sequence[Job], *, processes: int, tick: Tick) -> list[Run]:
    """Play jobs as Ray tasks, on a local Ray of `processes` workers where none is at hand; raise `ConfigError`."""
    with running(processes) as ray:
        return _play_all(ray, (ray.put(world), ray.put(setting)), jobs, tick)


def _play_all(ray: Any, shared: tuple[Any, Any], jobs: Sequence[Job], tick: Tick) -> list[Run]:
    remote = ray.remote(_play)
    references = [remote.remote(*shared, job) for job in jobs]
    waiting = list(references)
    while waiting:
        done, waiting = ray.wait(waiting)
        for reference in done:
            tick(len(ray.get(reference).quality))
    runs: list[Run] = ray.get(references)
    return runs


def _play(world: World, setting: Setting, job: Job) -> Run:
    return play(world, setting, job.entrant, job.seed, tick=lambda _: None)
