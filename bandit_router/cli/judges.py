"""`bandit-router judges`: how far the judges can be trusted."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from bandit_router.cli.options import DEFAULT_CONFIG, Config, Json, Since, moment
from bandit_router.cli.output import show, write_json
from bandit_router.settings import load_settings

if TYPE_CHECKING:
    from bandit_router.judge.report import Report


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="How far the judges can be trusted.", no_args_is_help=True)
    group.callback()(_group)
    group.command("report")(report)
    app.add_typer(group, name="judges")


def _group() -> None:
    """How far the judges can be trusted."""


def report(config: Config = DEFAULT_CONFIG, since: Since = None, json_path: Json = None) -> None:
    """Report the calibration and weight of each judge and of the panel, and the judges' biases, from the log."""
    settings = load_settings(config)
    start = moment("--since", since, now=datetime.now(UTC))
    from bandit_router.bootstrap import judge_watch
    from bandit_router.store.session import check_schema, open_engine

    engine = open_engine(settings.store.url)
    try:
        check_schema(engine)
        watch = judge_watch(settings, engine)
        found = watch.look(watch.cursor_at(start) if start else 0)
    finally:
        engine.dispose()
    _print(found)
    if json_path:
        write_json(json_path, asdict(found))


def _print(found: Report) -> None:
    show("judges (AUC, ECE, Brier: where feedback is known; weight: logits by deviation)", _standings(found))
    show("biases (deviations of the verdict at equal quality, 95 % interval)", _biases(found))
    if found.positions:
        show("comparisons (share that prefers the answer shown first, 95 % interval)", _positions(found))
    for warning in found.warnings:
        typer.echo(f"warning: {warning}, past the limit in [bias]")


def _standings(found: Report) -> list[dict[str, Any]]:
    return [
        {
            "judge": each.judge,
            "answers": each.answers,
            "labelled": each.figures.n,
            "AUC": _short(each.figures.auc),
            "ECE": _short(each.figures.ece),
            "Brier": _short(each.figures.brier),
            "weight": _short(each.weight),
        }
        for each in found.standings
    ]


def _biases(found: Report) -> list[dict[str, Any]]:
    return [
        {
            "judge": bias.judge,
            "against": bias.against,
            "effect": _short(bias.effect),
            "from": _short(bias.low),
            "to": _short(bias.high),
            "answers": bias.n,
            "by": bias.reference,
            "warning": "past its limit" if bias.warning else None,
        }
        for bias in found.biases
    ]


def _positions(found: Report) -> list[dict[str, Any]]:
    return [
        {
            "judge": each.judge,
            "first shown": _short(each.share),
            "from": _short(each.low),
            "to": _short(each.high),
            "orders disagree": _short(each.disagree),
            "pairs": each.pairs,
            "warning": "past its limit" if each.warning else None,
        }
        for each in found.positions
    ]


def _short(number: float | None) -> float | None:
    return None if number is None else round(number, 3)
