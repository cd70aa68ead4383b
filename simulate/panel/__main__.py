"""`make bench-panel`: prints how good a calibrated panel is on verdicts it did not learn from; it asserts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import track

from bandit_router.cli.output import show, write_json
from bandit_router.errors import ConfigError, did_you_mean
from simulate.outcomes import Table, read_table
from simulate.panel import kinds, late, recorded, served
from simulate.panel.recorded import Truth

SHARES: Final = (1.0, 0.1, 0.05)
"""Shares of the answers learned from whose truth is known."""


def main(
    *,
    outcomes: Annotated[Path, typer.Argument(help="Outcome table with recorded judges.")],
    truth: Annotated[str, typer.Option(help="The judge whose word is the truth.")],
    good: Annotated[float, typer.Option(help="An answer is good from this score of the truth on.")] = 0.85,
    splits: Annotated[int, typer.Option(help="How many random halves, and seeds.", min=1)] = 20,
    http: Annotated[bool, typer.Option("--http", help="Also through the running service, whole.")] = False,
    json_path: Annotated[Path | None, typer.Option("--json", help="Also write the tables to this file.")] = None,
) -> None:
    """Learn from half of the prompts and measure on the other half, with all labels and with few."""
    table = read_table(outcomes, unique=False)
    judges = sorted(table.rows[0].arms[table.models[0]].judges)
    if truth not in judges:
        raise ConfigError(f"--truth: no judge is named {truth!r}; {did_you_mean(truth, judges)}")
    told = Truth(judge=truth, good=good)
    found: dict[str, list[dict[str, object]]] = {}
    for title, rows in _tables(table, told, splits=splits, http=http):
        show(title, rows)
        found[title] = rows
    if json_path:
        write_json(json_path, found)


def _tables(table: Table, truth: Truth, *, splits: int, http: bool) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Yield each table as soon as it is there."""
    yield f"panel, truth {truth.judge} >= {truth.good}, {splits} splits", _offline(table, truth, splits)
    found = [kinds.line(kind, seeds=splits) for kind in kinds.KINDS]
    yield f"a judge of a kind beside a decent one, {kinds.LABELS} labels, {splits} seeds", found
    if http:
        yield "the whole table over HTTP, one split", served.lines(served.compare(table, truth, seed=0))
        yield "one judge late or too dear, over HTTP, 10 seeds", late.waits(table, seeds=10)


def _offline(table: Table, truth: Truth, splits: int) -> list[dict[str, object]]:
    halves = [
        tuple(recorded.cases(half, truth) for half in recorded.halves(table, seed=seed)) for seed in range(splits)
    ]
    return [
        recorded.line(
            share,
            [
                recorded.split(*half, share=share, seed=seed)
                for seed, half in enumerate(track(halves, f"{share:.0%} of the labels"))
            ],
        )
        for share in SHARES
    ]


if __name__ == "__main__":
    typer.run(main)
