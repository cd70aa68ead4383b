"""Spreads a log's pieces over targets, here, over processes or over Ray; what is spread is one and the same function.

A piece is a row group of a Parquet file, or a page of records read by this process.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from bandit_router.replay.facts import Facts, facts_of
from bandit_router.replay.files import GROUP, groups_of, kind_of, read_group, read_records
from bandit_router.replay.rays import running
from bandit_router.replay.record import Record
from bandit_router.replay.row_groups import simple_group
from bandit_router.replay.taken import Taken, chosen, itself, taken
from bandit_router.replay.targets import Target

SAMPLED: Final = 100_000
"""Of longer logs, the contexts of about so many decisions are looked at where only columns are read."""
Tick = Callable[[int], None]
"""Told how many more decisions are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A row group of a Parquet file, of which decisions made in [since, until) are taken."""

    path: Path
    number: int
    since: datetime | None = None
    until: datetime | None = None
    contexts: bool = True
    """Whether to look at contexts too where only columns are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Records that were read already."""

    records: tuple[Record, ...]


Piece = Group | Held


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How decisions are walked through; `keep` keeps records and courses for models."""

    max_attempts: int | None
    keep: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of one piece: the facts, each target's part in order, and the records where they were to be kept."""

    facts: Facts
    itself: Taken | None
    """The logging policy as a target; None where every weight is 1."""
    taken: tuple[Taken, ...]
    records: tuple[Record, ...] = ()


def pieces_of_file(path: Path, *, since: datetime | None, until: datetime | None) -> Iterator[Piece]:
    """Yield the pieces of a file; raise `ConfigError`."""
    if kind_of(path) == "parquet":
        groups = groups_of(path, since, until)
        every = max(1, sum(group.rows for group in groups) // SAMPLED)
        for place, group in enumerate(groups):
            sampled = place % every == 0
            yield Group(path=path.resolve(), number=group.number, since=since, until=until, contexts=sampled)
        return
    yield from pieces_of(within(read_records(path), since, until))


def pieces_of(records: Iterable[Record]) -> Iterator[Piece]:
    """Yield records a page at a time."""
    pages = iter(records)
    while page := tuple(islice(pages, GROUP)):
        yield Held(records=page)


def within(records: Iterable[Record], since: datetime | None, until: datetime | None) -> Iterator[Record]:
    """Yield the records made in [since, until)."""
    for record in records:
        at = record.decision.created_at
        if (since is None or at >= since) and (until is None or at < until):
            yield record


def records_of(piece: Piece) -> list[Record]:
    """Return the records of a piece that a policy decided."""
    if isinstance(piece, Held):
        return chosen(piece.records)
    return chosen(within(read_group(piece.path, piece.number), piece.since, piece.until))


def work(piece: Piece, targets: Sequence[Target], options: Options) -> Done:
    """Return what came of one piece."""
    columns = None
    if isinstance(piece, Group) and not options.keep:
        columns = simple_group(piece.path, piece.number, piece.since, piece.until, contexts=piece.contexts)
    if columns is None:
        records = records_of(piece)
        return Done(
            facts=facts_of(records),
            itself=itself(records),
            taken=tuple(_taken(target, records, options) for target in targets),
            records=tuple(records) if options.keep else (),
        )
    parts: list[Taken] = []
    records = []
    for target in targets:
        part = columns.taken(target)
        if part is None:
            records = records or records_of(piece)
            part = _taken(target, records, options)
        parts.append(part)
    return Done(facts=columns.facts(), itself=columns.itself(), taken=tuple(parts))


def _taken(target: Target, records: Sequence[Record], options: Options) -> Taken:
    return taken(target, records, max_attempts=options.max_attempts, keep=options.keep)


def spread(
    pieces: Iterable[Piece], targets: Sequence[Target], options: Options, *, engine: str, jobs: int
) -> Iterator[Done]:
    """Yield what came of each piece, in order, whatever the engine; raise `ConfigError` for one that is not there."""
    if engine == "ray":
        yield from _on_ray(pieces, targets, options, jobs)
    elif jobs <= 1:
        for piece in pieces:
            yield work(piece, targets, options)
    else:
        with processes(jobs) as pool:
            yield from _ordered(pool, pieces, targets, options, jobs)


def processes(jobs: int) -> ProcessPoolExecutor:
    """Return a pool of fresh processes: Vowpal Wabbit holds on to the interpreter's lock, so threads would not do."""
    return ProcessPoolExecutor(max_workers=jobs, mp_context=multiprocessing.get_context("spawn"))


def _ordered(
    pool: ProcessPoolExecutor, pieces: Iterable[Piece], targets: Sequence[Target], options: Options, jobs: int
) -> Iterator[Done]:
    """Keep a few pieces in the air, so that a long log is never in memory as a whole."""
    waiting: deque[Future[Done]] = deque()
    for piece in pieces:
        waiting.append(pool.submit(work, piece, targets, options))
        if len(waiting) > 2 * jobs:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _on_ray(pieces: Iterable[Piece], targets: Sequence[Target], options: Options, jobs: int) -> Iterator[Done]:
    """Map pieces x targets."""
    with running(jobs) as ray:
        remote, shared = ray.remote(_work_on), [ray.put(target) for target in targets]
        waiting: deque[list[Any]] = deque()
        for piece in pieces:
            waiting.append([remote.remote(piece, one, options) for one in (None, *shared)])
            if len(waiting) > 2 * max(jobs, 2):
                yield _gathered(ray.get(waiting.popleft()))
        while waiting:
            yield _gathered(ray.get(waiting.popleft()))


def _work_on(piece: Piece, target: Target | None, options: Options) -> Done:
    return work(piece, [] if target is None else [target], options)


def _gathered(parts: Sequence[Done]) -> Done:
    first, *rest = parts
    return replace(first, taken=tuple(part.taken[0] for part in rest))
