"""Plays the grid on a Ray cluster, or on a local Ray where none is at hand; the function played is the same."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import Any

from bandit_router.errors import ConfigError
from simulate.bench.grid import Job
from simulate.bench.play import play
from simulate.bench.record import Run
from simulate.bench.stream import Setting
from simulate.bench.world import Tick, World


def play_on_ray(world: World, setting: Setting, jobs: Sequence[Job], *, processes: int, tick: Tick) -> list[Run]:
    """Play jobs as Ray tasks; raise `ConfigError` when Ray is not installed.

    A Ray that this process runs already, or whose address is in the environment, is used and left running; otherwise
    one is started with `processes` CPUs and stopped again.
    """
    ray = _ray()
    started = not ray.is_initialized()
    if started:
        _start(ray, processes)
    try:
        return _play_all(ray, (ray.put(world), ray.put(setting)), jobs, tick)
    finally:
        if started:
            ray.shutdown()


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise ConfigError("--engine ray: Ray is not installed; pip install 'bandit-router[ray]'") from error


def _start(ray: Any, processes: int) -> None:
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    named = os.environ.get("RAY_ADDRESS")
    if not named:
        # One of its own: another process's local Ray, which would be found otherwise, ends with that process.
        ray.init(address="local", num_cpus=processes, include_dashboard=False, **quiet)
        return
    try:
        ray.init(address=named, **quiet)
    except ConnectionError as error:
        raise ConfigError(f"--engine ray: no Ray answers at RAY_ADDRESS={named}") from error


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
