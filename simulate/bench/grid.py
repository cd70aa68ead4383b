"""Plays the grid of entrants x seeds, in this process or in several; what it gives does not depend on which."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ALL_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

from simulate.bench.entrants import Entrant
from simulate.bench.play import play
from simulate.bench.record import Run
from simulate.bench.stream import Setting
from simulate.bench.world import Tick, World

POLL_S = 0.2
"""How often progress is read from the other processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One entrant on the stream of one seed."""

    entrant: Entrant
    seed: int


def jobs_of(entrants: Sequence[Entrant], seeds: int) -> list[Job]:
    """Return the grid, entrant by entrant: the order of the results."""
    return [Job(entrant=entrant, seed=seed) for entrant in entrants for seed in range(seeds)]


def jobs_at_spend(entrants: Sequence[Entrant], runs: Sequence[Run]) -> list[Job]:
    """Return each policy once more beside each peer's run, with that run's mean spend as its budget."""
    peers = [run for run in runs if run.kind == "peer"]
    return [
        Job(entrant=replace(entrant, budget_usd=float(run.cost_usd.mean()), spends_as=run.policy), seed=run.seed)
        for entrant in entrants
        if entrant.specs
        for run in peers
    ]


def play_here(world: World, setting: Setting, jobs: Sequence[Job], *, tick: Tick) -> list[Run]:
    """Play one job after the other in this process."""
    return [play(world, setting, job.entrant, job.seed, tick=tick) for job in jobs]


def play_spread(world: World, setting: Setting, jobs: Sequence[Job], *, processes: int, tick: Tick) -> list[Run]:
    """Play jobs in fresh processes, each of which is sent the world once.

    Processes are spawned, not forked: numpy and Vowpal Wabbit hold threads and locks that do not survive a fork.
    """
    context = multiprocessing.get_context("spawn")
    counter = context.Value("L", 0)
    workers = min(processes, len(jobs))
    with ProcessPoolExecutor(workers, context, initializer=_prepare, initargs=(world, setting, counter)) as pool:
        futures = [pool.submit(_play, job) for job in jobs]
        seen, waiting = 0, set(futures)
        while waiting:
            _, waiting = wait(waiting, timeout=POLL_S, return_when=ALL_COMPLETED)
            seen = _report(counter.value, seen, tick)
            if failed := [future for future in futures if future.done() and future.exception()]:
                pool.shutdown(cancel_futures=True)
                failed[0].result()
        return [future.result() for future in futures]


def _report(done: int, seen: int, tick: Tick) -> int:
    tick(done - seen)
    return done


# A pool's initializer has no other way to hand something to the tasks of its process than a name of the module.
_prepared: dict[str, Any] = {}


def _prepare(world: World, setting: Setting, counter: Any) -> None:
    _prepared.update(world=world, setting=setting, counter=counter)
    gc.freeze()


def _play(job: Job) -> Run:
    return play(_prepared["world"], _prepared["setting"], job.entrant, job.seed, tick=_count)


def _count(done: int) -> None:
    counter = _prepared["counter"]
    with counter.get_lock():
        counter.value += done
