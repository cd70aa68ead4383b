"""`bandit-router export` and `import`: logged decisions as files, out of the service and in from other systems."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from bandit_router.cli.options import DEFAULT_CONFIG, Config, Since, Until, moment
from bandit_router.settings import ContextSettings, load_settings

if TYPE_CHECKING:
    from bandit_router.replay.record import Record

Out = Annotated[Path, typer.Argument(help="The file to write, .parquet, .jsonl or .jsonl.gz.", metavar="OUT")]
Format = Annotated[str, typer.Argument(help="litellm, openai, dsjson or table.", metavar="FORMAT")]
In = Annotated[Path, typer.Argument(help="The log to read, a JSON object a line, plain or .gz.", metavar="IN")]
Value = Annotated[float, typer.Option(help="What one fully good answer is worth, in USD.", min=1e-12)]
Seed = Annotated[int, typer.Option(help="Draws the model of each prompt of a table.")]
Contexts = Annotated[bool, typer.Option(help="Build what policies look at from the messages, where there are any.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("export")(export)
    app.command("import")(import_log)


def export(out: Out, config: Config = DEFAULT_CONFIG, since: Since = None, until: Until = None) -> None:
    """Write the finished decisions of the service's database to a file that `replay` reads."""
    settings, now = load_settings(config), datetime.now(UTC)
    start, end = moment("--since", since, now=now), moment("--until", until, now=now)
    from bandit_router.replay.export import logged
    from bandit_router.reward.feedback import combine
    from bandit_router.store.events import Events
    from bandit_router.store.session import check_schema, open_engine

    engine = open_engine(settings.store.url)
    try:
        check_schema(engine)
        _write(out, logged(Events(engine, combine=combine), since=start, until=end))
    finally:
        engine.dispose()


def import_log(
    kind: Format, log: In, out: Out, value_usd: Value = 0.01, seed: Seed = 0, contexts: Contexts = True
) -> None:
    """Turn another system's log into the file that `export` would have written."""
    from bandit_router.context.build import load_builder
    from bandit_router.replay.foreign.read import read_foreign

    with asyncio.Runner() as runner:
        builder = runner.run(load_builder(ContextSettings())) if contexts else None
        records = read_foreign(kind, log, value_usd=value_usd, seed=seed, contexts=builder)

        def pulled() -> Iterator[Record]:
            while (record := runner.run(anext(records, None))) is not None:
                yield record

        _write(out, pulled())


def _write(out: Path, records: Iterator[Record]) -> None:
    """Write the file beside its place and move it there, so that no half of one is left under its name."""
    from bandit_router.replay.files import kind_of, write_records

    kind_of(out)
    beside = out.with_name(f".part-{out.name}")
    done = 0
    try:
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), transient=True) as progress:
            task = progress.add_task("0 decisions")
            for done in write_records(beside, records):
                progress.update(task, description=f"{done:,} decisions")
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)
    typer.echo(f"{done:,} decisions written to {out}")
