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
    lines = _named(result)
    parts = [f"<h1>Replay</h1><p>{escape(_summary(result))}</p>", _table(lines, result), _findings(result)]
    if lines:
        parts += [_section("Quality and cost", _FRONTIER, _legend(lines) + frontier(lines))]
        parts += [
            _section(title, words, _legend(lines) + picture)
            for title, words, picture in (
                ("By category", _CATEGORIES, categories(lines)),
                ("Over time", _TIME, over_time(lines)),
            )
            if picture
        ]
    parts.append(_section("Against each other", _DIFFERENCES, _differences(result)) if result["differences"] else "")
    parts.append(_section("What the log can say", _DIAGNOSIS, _diagnosis(result)))
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{STYLE}{_BAND}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}<title>Replay</title></head>\n<body>{body}</body></html>\n'


_FRONTIER: Final = "Up is better, left is cheaper. Each dot is an estimate, its bars the 95 % intervals."
_CATEGORIES: Final = (
    "Mean reward with its 95 % interval, where a category has enough decisions that bear on the policy."
)
_TIME: Final = "Mean reward of each tenth of the log, with 95 % intervals."
_DIFFERENCES: Final = "The first policy's reward less the second's on the same decisions, with its 95 % interval."
_DIAGNOSIS: Final = (
    "Effective rows: how many decisions of the policy's own would say as much. Overlap: the probability that it shares "
    "with what was logged. Mean weight should be 1. Unsupported: its probability on what the log could not do."
)


def _named(result: Mapping[str, Any]) -> list[tuple[str, Line, str]]:
    """Return what has figures, with its name and colour: what was logged first."""
    found = [(_LOGGED, result["logging"])] if result["logging"] else []
    found += [(line["policy"], line) for line in result["targets"] if line["answers"]]
    return [(name, line, f"p{number % COLOURS}") for number, (name, line) in enumerate(found)]


def _summary(result: Mapping[str, Any]) -> str:
    log = result["log"]
    if not log["decisions"]:
        return "The log has no decisions."
    return (
        f"{log['decisions']:,} decisions from {log['from'][:16].replace('T', ' ')} to "
        f"{log['until'][:16].replace('T', ' ')} UTC, of which {log['quality_seen']:.0%} have a known quality. "
        "Reward is quality less cost over the worth of a good answer. Intervals hold the truth at 95 %."
    )


def _table(lines: Named, result: Mapping[str, Any]) -> str:
    heads = ("", "reward", "over the log", "quality", "USD a request", "learned")
    rows = []
    for name, line, css in lines:
        cells = [
            _said(line["reward"]),
            _said(line.get("against_logging"), sign=True),
            _said(line["quality"]),
            _said(line["cost_usd"], money=True),
            escape(str(line.get("learned", ""))).replace("cold", ""),
        ]
        swatch = f'<i class="{css}" style="color:var(--c)">&#9632;</i> '
        rows.append(f"<tr><th>{swatch}{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    for line in result["targets"]:
        if not line["answers"]:
            said = escape(next(finding["message"] for finding in line["findings"] if finding["fatal"]))
            rows.append(f'<tr><th>{escape(line["policy"])}</th><td class="no" colspan="5">No answer: {said}.</td></tr>')
    top = "".join(f"<th>{head}</th>" for head in heads)
    return f'<div class="wide"><table><tr>{top}</tr>{"".join(rows)}</table></div>'


def _said(estimate: Mapping[str, float] | None, *, sign: bool = False, money: bool = False) -> str:
    if estimate is None:
        return ""
    if money:
        shown = [dollars(round(estimate[part], 6)) for part in ("value", "low", "high")]
    else:
        shown = [f"{estimate[part]:{'+' if sign else ''}.3f}" for part in ("value", "low", "high")]
    return f"{shown[0]}<br><span class='note'>{shown[1]} to {shown[2]}</span>"


def _findings(result: Mapping[str, Any]) -> str:
    notes = [
        f"<li>{escape(line['policy'])}: {escape(finding['message'])}.</li>"
        for line in result["targets"]
        for finding in line["findings"]
        if not finding["fatal"]
    ]
    return f"<ul class='note'>{''.join(notes)}</ul>" if notes else ""


def _differences(result: Mapping[str, Any]) -> str:
    rows = [
        f"<tr><th>{escape(each['policy'])} less {escape(each['over'])}</th><td>{_said(each, sign=True)}</td></tr>"
        for each in result["differences"]
    ]
    return f"<table><tr><th></th><th>reward</th></tr>{''.join(rows)}</table>"


def _diagnosis(result: Mapping[str, Any]) -> str:
    heads = ("", "effective rows", "overlap", "mean weight", "largest weight", "unsupported", "calibration p")
    rows = []
    for line in result["targets"]:
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
