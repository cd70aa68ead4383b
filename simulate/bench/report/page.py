"""Puts pictures, tables and words together into one HTML page; it draws and computes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from bandit_router.errors import ConfigError
from bandit_router.page.style import STYLE
from simulate.bench.record import Run
from simulate.bench.report.charts import COLOURS, dollars, frontier, learning, regret, starts
from simulate.bench.report.series import curves
from simulate.bench.scenarios import DROPPED
from simulate.bench.show import by_policy
from simulate.bench.stream import Setting, make_stream
from simulate.bench.world import World

_FIGURES: Final = ("utility", "utility_late", "quality", "cost_usd", "attempts_mean", "judge_calls_mean")
_HEADS: Final = ("", "utility", "2nd half", "quality", "USD a request", "models called", "answers judged")


def write_report(path: Path, result: Mapping[str, Any], world: World, setting: Setting, runs: Sequence[Run]) -> None:
    """Write the page; raise `ConfigError` when the path cannot be written."""
    try:
        path.write_text(page(result, world, setting, runs), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be written ({error.strerror}); choose another path", path=str(path)) from error


def page(result: Mapping[str, Any], world: World, setting: Setting, runs: Sequence[Run]) -> str:
    """Return the page."""
    found, stream = curves(world, setting, runs), make_stream(world, setting, runs[0].seed)
    policies = _legend([curve.policy for curve in found], "p")
    shares = "".join(
        f"<figure><figcaption>{escape(curve.policy)}</figcaption>{starts(curve, world.models, stream)}</figure>"
        for curve in found
    )
    parts = [
        f"<h1>Simulation</h1><p>{escape(_summary(result, setting, seeds=len({run.seed for run in runs})))}</p>",
        _table(result),
        _section("Quality and cost", _FRONTIER, policies + frontier(result, world)),
        _section("Learning", _LEARNING, policies + learning(result, found, stream)),
        _section("Regret", _REGRET, policies + regret(found, stream)),
        _section("Starts", _STARTS, _legend(world.models, "m") + f'<div class="pair">{shares}</div>'),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<title>Simulation</title></head>\n<body>{body}</body></html>\n'
    )


_FRONTIER: Final = (
    "Up is better, left is cheaper. Large dots: policies, the mean of their seeds; small ones: each seed. Grey: always "
    "the same model. Rings: what could have been had in hindsight."
)
_LEARNING: Final = (
    "Utility is true score less cost over value; each point is the mean of the tenth of the stream before it."
)
_REGRET: Final = (
    "Utility lost so far against the fixed cascade that, in hindsight, is best in each phase. A line that goes down "
    "gains on it; below zero it is ahead."
)
_STARTS: Final = "Which model each policy starts with as the stream goes on, the cheapest at the bottom."


def _summary(result: Mapping[str, Any], setting: Setting, *, seeds: int) -> str:
    value, price = dollars(result["value_usd"]), dollars(setting.judge_cost_usd)
    return (
        f"{result['rows']:,} queries, {seeds} seeds, scenario {result['scenario']}. One fully good answer is worth "
        f"{value}; judge {result['judge']} at {price} an answer; the true score of {setting.feedback_rate:.0%} of the "
        "queries came back."
    )


def _table(result: Mapping[str, Any]) -> str:
    rows = [_row(line["policy"], [line[name] for name in _FIGURES]) for line in by_policy(result)]
    for name, one in result["references"].items():
        figures = [one["utility"], None, one["quality"], one["cost_usd"], None, None]
        rows.append(_row(name, figures, css="hindsight"))
    heads = "".join(f"<th>{head}</th>" for head in _HEADS)
    note = "The last four are references, known only in hindsight."
    if any(phase["name"] == DROPPED for entry in result["results"] for phase in entry.get("phases", ())):
        note += " They are those of a world where no model drops, since which one does depends on the policy."
    return f'<div class="wide"><table><tr>{heads}</tr>{"".join(rows)}</table></div><p class="note">{note}</p>'


def _row(name: str, figures: Iterable[float | None], *, css: str = "policy") -> str:
    digits = (4, 4, 4, 6, 2, 2)
    cells = ["" if f is None else f"{f:.{d}f}" for f, d in zip(figures, digits, strict=True)]
    return f'<tr class="{css}"><th>{escape(name)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _section(title: str, words: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(words)}</p>{content}</section>"


def _legend(names: Sequence[str], css: str) -> str:
    items = "".join(f'<li class="{css}{n % COLOURS}"><i></i>{escape(name)}</li>' for n, name in enumerate(names))
    return f'<ul class="legend">{items}</ul>'
