"""Puts pictures, tables and words about a replay together into one HTML page; it draws and computes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from bandit_router.errors import ConfigError
from bandit_router.page.style import STYLE
from bandit_router.replay.report.charts import COLOURS, Line, categories, dollars, frontier, over_time

Named = Sequence[tuple[str, Line, str]]
_BAND: Final = ".band { opacity: .16; stroke: none; } td.no { text-align: left; white-space: normal; }"
_LOGGED: Final = "as logged"


def write_page(path: Path, result: Mapping[str, Any]) -> None:
    """Write the page; raise `ConfigError` when the path cannot be written."""
    try:
        path.write_text(page(result), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be written ({error.strerror}); choose another path", path=str(path)) from error


def page(result: Mapping[str, Any]) -> str:
    """Return the page."""
    asked = _named(result)
    lines = [*asked, *_references(result)]
    parts = [f"<h1>Replay</h1><p>{escape(_summary(result))}</p>", _table(asked, lines, result), _findings(result)]
    if lines:
        parts += [_section("Quality and cost", _FRONTIER, _legend(lines) + frontier(lines))]
        parts += [
            _section(title, words, _legend(drawn) + picture)
            for title, words, drawn, picture in (
                ("By category", _CATEGORIES, lines, categories(lines)),
                ("Over time", _TIME, asked, over_time(asked)),
            )
            if picture
        ]
    parts.append(_compared(asked, lines, result))
    parts.append(_section("What the log can say", _DIAGNOSIS, _diagnosis(result)))
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{STYLE}{_BAND}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}<title>Replay</title></head>\n<body>{body}</body></html>\n'


_FRONTIER: Final = "Up is better, left is cheaper. Each dot is an estimate, its bars the 95 % intervals."
_CATEGORIES: Final = (
    "Mean reward with its 95 % interval, where a category has enough decisions that bear on the policy."
)
_TIME: Final = "Mean reward of each tenth of the log, with 95 % intervals."
_DIFFERENCES: Final = (
    "A column's policy: its reward, quality and dollars less those of each other, on the same decisions, with 95 % "
    "intervals."
)
_DIAGNOSIS: Final = (
    "Effective rows: how many decisions of the policy's own would say as much. Overlap: the probability that it shares "
    "with what was logged. Mean weight should be 1. Unsupported: its probability on what the log could not do."
)


def _named(result: Mapping[str, Any]) -> list[tuple[str, Line, str]]:
    """Return what has figures, with its name and colour: what was logged first."""
    found = [(_LOGGED, result["logging"])] if result["logging"] else []
    found += [(line["policy"], line) for line in result["targets"] if line["answers"]]
    return [(name, line, f"p{number % COLOURS}") for number, (name, line) in enumerate(found)]


def _references(result: Mapping[str, Any]) -> list[tuple[str, Line, str]]:
    """Return the fixed policies that have figures: models from light to dark, the cascade in grey."""
    found = [line for line in result.get("references", ()) if line["answers"]]
    return [
        (line["policy"], line, f"m{(2 * number + 1) % COLOURS}" if line["kind"] == "static" else "single")
        for number, line in enumerate(found)
    ]


def _summary(result: Mapping[str, Any]) -> str:
    log = result["log"]
    if not log["decisions"]:
        return "The log has no decisions."
    return (
        f"{log['decisions']:,} decisions from {log['from'][:16].replace('T', ' ')} to "
        f"{log['until'][:16].replace('T', ' ')} UTC, of which {log['quality_seen']:.0%} have a known quality. "
        "Reward is quality less cost over the worth of a good answer. Intervals hold the truth at 95 %."
    )


def _table(asked: Named, lines: Named, result: Mapping[str, Any]) -> str:
    heads = ("", "reward", "over the log", "quality", "USD a request", "learned")
    rows: list[str] = []
    for name, line, css in lines:
        if len(rows) == len(asked):
            rows += [*_unanswered(result["targets"]), _REFERENCES]
        cells = [
            _said(line["reward"]),
            _said(line.get("against_logging"), sign=True),
            _said(line["quality"]),
            _said(line["cost_usd"], money=True),
            escape(str(line.get("learned", ""))).replace("cold", ""),
        ]
        swatch = f'<i class="{css}" style="color:var(--c)">&#9632;</i> '
        rows.append(f"<tr><th>{swatch}{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    rows += _unanswered(result["targets"] if len(lines) == len(asked) else ())
    rows += _unanswered(result.get("references", ()))
    top = "".join(f"<th>{head}</th>" for head in heads)
    return f'<div class="wide"><table><tr>{top}</tr>{"".join(rows)}</table></div>'


_REFERENCES: Final = '<tr class="hindsight"><th>Fixed references</th><td colspan="5"></td></tr>'


def _unanswered(lines: Sequence[Line]) -> list[str]:
    found = []
    for line in lines:
        if not line["answers"]:
            said = escape(next(finding["message"] for finding in line["findings"] if finding["fatal"]))
            found.append(
                f'<tr><th>{escape(line["policy"])}</th><td class="no" colspan="5">No answer: {said}.</td></tr>'
            )
    return found


def _said(estimate: Mapping[str, float] | None, *, sign: bool = False, money: bool = False) -> str:
    if estimate is None:
        return ""
    if money:
        shown = [_amount(estimate[part], sign=sign) for part in ("value", "low", "high")]
    else:
        shown = [f"{estimate[part]:{'+' if sign else ''}.3f}" for part in ("value", "low", "high")]
    return f"{shown[0]}<br><span class='note'>{shown[1]} to {shown[2]}</span>"


def _amount(value: float, *, sign: bool) -> str:
    shown = dollars(round(abs(value), 6))
    return shown if not sign else f"{'-' if value < 0 else '+'}{shown}"


def _findings(result: Mapping[str, Any]) -> str:
    notes = [
        f"<li>{escape(line['policy'])}: {escape(finding['message'])}.</li>"
        for line in result["targets"]
        for finding in line["findings"]
        if not finding["fatal"]
    ]
    return f"<ul class='note'>{''.join(notes)}</ul>" if notes else ""


def _compared(asked: Named, lines: Named, result: Mapping[str, Any]) -> str:
    table = _differences(asked, lines, result)
    return _section("Against each other", _DIFFERENCES, table) if table else ""


def _differences(asked: Named, lines: Named, result: Mapping[str, Any]) -> str:
    """Return a table of the policies asked about, less what was logged, each other and the references."""
    found = {(each["policy"], each["over"]): each for each in result["differences"]}
    rows = [(name, line) for name, line, _ in asked if name != _LOGGED]
    if not rows:
        return ""
    others = [name for name, _, _ in lines]
    top = "".join(f"<th>{escape(name)}</th>" for name, _ in rows)
    body = []
    for other in others:
        cells = [line["against_logging"] if other == _LOGGED else _over(found, name, other) for name, line in rows]
        body.append(f"<tr><th>less {escape(other)}</th>{''.join(f'<td>{_apart(cell)}</td>' for cell in cells)}</tr>")
    return f'<div class="wide"><table><tr><th></th>{top}</tr>{"".join(body)}</table></div>'


def _apart(difference: Mapping[str, Any] | None) -> str:
    """Return a difference in reward, and those in quality and dollars below it where they were told."""
    if difference is None:
        return ""
    figures = [("reward", difference)]
    figures += [
        (name, difference[key]) for key, name in (("quality", "quality"), ("cost_usd", "USD")) if key in difference
    ]
    return "".join(f"<div>{name} {_said(one, sign=True, money=name == 'USD')}</div>" for name, one in figures)


def _over(found: Mapping[tuple[str, str], Line], name: str, other: str) -> Mapping[str, Any] | None:
    """Return how much more one earns than another, turned round where it was reckoned the other way."""
    if (name, other) in found or (other, name) not in found:
        return found.get((name, other))
    back = found[other, name]
    figures = {figure: _turned(back[figure]) for figure in ("quality", "cost_usd") if figure in back}
    return {**_turned(back), **figures}


def _turned(estimate: Mapping[str, float]) -> dict[str, Any]:
    return {"value": -estimate["value"], "low": -estimate["high"], "high": -estimate["low"]}


def _diagnosis(result: Mapping[str, Any]) -> str:
    heads = ("", "effective rows", "overlap", "mean weight", "largest weight", "unsupported", "calibration p")
    rows = []
    for line in (*result["targets"], *result.get("references", ())):
        d = line.get("diagnosis")
        if d is None:
            continue
        fit = f"{d['misfit']['p_value']:.2g}" if d["misfit"] else ""
        cells = (
            f"{d['ess']:,.0f}",
            f"{d['overlap']:.0%}",
            f"{d['mean_weight']:.3f}",
            f"{d['heaviest']:,.1f}",
            f"{d['unsupported'] or 0:.1%}",
            fit,
        )
        rows.append(f"<tr><th>{escape(line['policy'])}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    table = f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>{''.join(rows)}</table>"
    return f'<div class="wide">{table}</div>'


def _section(title: str, words: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(words)}</p>{content}</section>"


def _legend(lines: Named) -> str:
    items = "".join(f'<li class="{css}"><i></i>{escape(name)}</li>' for name, _, css in lines)
    return f'<ul class="legend">{items}</ul>'
