"""`bandit-router replay`: what policies that were never run would have made of a log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from bandit_router.cli.options import Since, Until, moment
from bandit_router.cli.output import show, write_json
from bandit_router.errors import BadRequest, UnknownEstimator

Place = Annotated[
    str, typer.Argument(help="A database url, or an exported log: .parquet, .jsonl or .jsonl.gz.", metavar="LOG")
]
Targets = Annotated[
    list[str], typer.Option("--target", help="A policy file, or column:NAME of the log. May be given again.")
]
Estimators = Annotated[
    str,
    typer.Option(
        "--estimator",
        help="Of ips, snips, dm, dr, sndr, switch_dr, dros, cressie_read, dr_sequential; by commas, the first that "
        "needs no model for quality and dollars too.",
    ),
]
Out = Annotated[Path | None, typer.Option("--json", help="Write the whole result to this file as JSON.")]
Page = Annotated[
    Path | None,
    typer.Option(
        help="Write a page about it to this file, .html, with each model by itself and a fixed cascade to compare with."
    ),
]
Learn = Annotated[
    str | None,
    typer.Option(
        help="How targets that learn do: `version` (the newest of the database, else cold), `log` (from the whole log "
        "as it goes), `rejection` or `dr_ns` (from what they would have done themselves). By default a version where "
        "there is one, else log."
    ),
]
Attempts = Annotated[int, typer.Option(help="How many answers a request may have: [cascade] max_attempts.", min=1)]
Engine = Annotated[str, typer.Option(help="Where to work: `local` or `ray`.")]
Jobs = Annotated[int, typer.Option(help="How many processes to use.", min=1)]
Seed = Annotated[int, typer.Option(help="Decides the folds of models, and what learning targets take over.")]

CANNOT_ANSWER = 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay_log)


def replay_log(  # noqa: PLR0913, PLR0917 (one a flag)
    log: Place,
    target: Targets,
    estimator: Estimators = "cressie_read,dr_sequential",
    json_path: Out = None,
    report: Page = None,
    since: Since = None,
    until: Until = None,
    learning: Learn = None,
    max_attempts: Attempts = 8,
    engine: Engine = "local",
    jobs: Jobs = 1,
    seed: Seed = 0,
) -> None:
    """Say what policies would have earned on logged traffic, with intervals; exit code 3 where the log cannot say."""
    from bandit_router.replay.answer import DEFAULT, Question
    from bandit_router.replay.log import LogAt
    from bandit_router.replay.run import Plan, replay
    from bandit_router.replay.targets import load_targets

    now = datetime.now(UTC)
    names, way, where = _names(estimator), _learning(learning), _engine(engine)
    start, end = moment("--since", since, now=now), moment("--until", until, now=now)
    at = LogAt(place=log, since=start, until=end)
    targets = load_targets(target, versions=at.versions(), learning=way)
    question = Question(estimators=names, seed=seed, figures=report is not None)
    plan = Plan(
        question=question,
        max_attempts=max_attempts,
        engine=where,
        jobs=jobs,
        insist=names != DEFAULT,
        references=report is not None,
    )
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), transient=True) as progress:
        task, done = progress.add_task("reading"), [0]

        def tick(count: int) -> None:
            done[0] += count
            progress.update(task, description=f"{done[0]:,} decisions")

        result = replay(at, targets, plan, tick=tick)
    if json_path:
        write_json(json_path, result)
    if report:
        from bandit_router.replay.report.page import write_page

        write_page(report, result)
    _print(result)
    if not all(line["answers"] for line in result["targets"]):
        raise typer.Exit(CANNOT_ANSWER)


def _names(text: str) -> tuple[str, ...]:
    from bandit_router.evaluate import ESTIMATORS
    from bandit_router.replay.answer import SEQUENTIAL

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    known = (*ESTIMATORS, SEQUENTIAL)
    for name in names:
        if name not in known:
            raise UnknownEstimator(name, known)
    if not names:
        raise BadRequest("--estimator names none; leave it out, or give cressie_read")
    return names


def _learning(text: str | None) -> Any:
    from bandit_router.replay.targets import LEARNING

    if text is not None and text not in LEARNING:
        raise BadRequest(f"--learning is {text!r}; give one of {', '.join(LEARNING)}")
    return text


def _engine(text: str) -> str:
    if text not in ("local", "ray"):
        raise BadRequest(f"--engine is {text!r}; give local or ray")
    return text


def _print(result: Mapping[str, Any]) -> None:
    rows = [_row("as logged", result["logging"], None)] if result["logging"] else []
    rows += [_row(line["policy"], line, line) for line in result["targets"] if line["answers"]]
    if rows:
        columns = {name: None for row in rows for name in row}
        show(f"{result['log']['decisions']:,} decisions (95 % intervals)", [{**columns, **row} for row in rows])
    for line in result["targets"]:
        for finding in line["findings"]:
            word = "cannot be answered" if finding["fatal"] else "note"
            typer.echo(f"{line['policy']}: {word}: {finding['message']}")
    if result["log"].get("without_models"):
        typer.echo("note: estimators with a model were left out of a log this long; name them to have them")


def _row(name: str, figures: Mapping[str, Any], line: Mapping[str, Any] | None) -> dict[str, object]:
    row: dict[str, object] = {
        "policy": name,
        "learned": line["learned"] if line and line["learned"] != "cold" else None,
        "reward": _said(figures["reward"], 4),
        "quality": _said(figures["quality"], 4),
        "USD a request": _said(figures["cost_usd"], 6),
        "over the log": _said(line["against_logging"], 4) if line else None,
        "effective rows": f"{figures['reward']['ess']:,.0f}",
    }
    for estimator, said in list((line or {}).get("estimates", {}).items())[1:]:
        row[f"reward by {estimator}"] = _said(said, 4)
    return row


def _said(estimate: Mapping[str, float] | None, digits: int) -> str | None:
    if estimate is None:
        return None
    return f"{estimate['value']:.{digits}f} ({estimate['low']:.{digits}f}, {estimate['high']:.{digits}f})"
