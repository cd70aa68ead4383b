"""An experiment on one page that a manager can read: what was compared, what was saved at what quality, what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from bandit_router.cli.experiment_table import by_itself, interval, tables
from bandit_router.experiment.analyse import Analysis, Comparison, Findings
from bandit_router.experiment.history import in_order
from bandit_router.experiment.sequence import Effect
from bandit_router.experiment.shadow import Beside
from bandit_router.experiment.slices import Slice
from bandit_router.steward import Report

_STYLE = (
    ":root{color-scheme:light dark;--back:#fff;--ink:#1c2733;--soft:#5a6875;--grid:#d9e0e6;--panel:#f4f7f9;"
    "--mark:#31688e;--axis:#7a8896;--ship:#2a8a57;--stop:#c0392b}"
    "@media (prefers-color-scheme:dark){:root{--back:#14181d;--ink:#e6eaee;--soft:#9aa7b3;--grid:#2f3841;"
    "--panel:#1d242b;--mark:#6fb1dc;--axis:#7a8896;--ship:#4cc38a;--stop:#ff6b5e}}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:var(--ink);"
    "background:var(--back)}.wide{overflow-x:auto}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem;font-size:14px}td,th{padding:.25rem .9rem .25rem 0;"
    "text-align:left;border-bottom:1px solid var(--grid)}.verdict{padding:1rem 1.25rem;border-left:6px solid;"
    "background:var(--panel)}.ship{border-color:var(--ship)}.stop{border-color:var(--stop)}"
    ".keep{border-color:var(--axis)}h1{margin-bottom:0}.quiet{color:var(--soft)}"
    "svg{max-width:100%;height:auto}text{fill:var(--ink)}.bar{stroke:var(--mark);stroke-width:3}"
    ".dot{fill:var(--mark)}.axis{stroke:var(--axis);stroke-dasharray:3 3}"
)
_WIDTH, _ROW = 640, 24


def page(report: Report) -> str:
    """Return the page as one file without anything to load."""
    analysis, verdict = report.analysis, report.verdict
    parts = [
        f"<h1>{escape(analysis.spec.name)}</h1>",
        f'<p class="quiet">{escape(_sentence(analysis.spec.description))} As of {report.at:%Y-%m-%d %H:%M} UTC, '
        f"{report.standing.state(report.at)}.</p>",
        f'<div class="verdict {verdict.word.split()[0]}"><strong>{escape(verdict.word.capitalize())}.</strong> '
        f"{escape(_sentence(verdict.reason))}</div>",
        *(_money(found, analysis) for found in analysis.treatments),
        _shadows(analysis),
        _sure(analysis),
        *(_plot("By category", found.categories) for found in analysis.treatments),
        *(_plot("Over time, oldest first", found.drift.periods) for found in analysis.treatments),
        *(f"<h2>{escape(_heading(title, analysis))}</h2>{_table(rows)}" for title, rows in tables(analysis)),
        *(f"<h2>Each arm by itself</h2>{_table(by_itself(found, analysis))}" for found in analysis.treatments),
        "<h2>What happened</h2>",
        _table([{**row, "at": f"{row['at']:%Y-%m-%d %H:%M}", "share": f"{row['share']:.0%}"}
                for row in in_order(report.standing.events)]),
    ]  # fmt: skip
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{escape(analysis.spec.name)}</title><style>{_STYLE}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _money(found: Findings, analysis: Analysis) -> str:
    """Return what was compared, and how much was saved at what quality."""
    by = {each.metric: each for each in found.metrics}
    cost, quality = by["cost_usd"], by["quality"]
    lines = [
        f"<strong>{escape(found.arm.name)}</strong> (policy {escape(found.arm.policy)}, learning from "
        f"{'its own' if found.arm.learn_from == 'own' else 'all'} requests) was compared with "
        f"<strong>{escape(analysis.spec.control.name)}</strong> (policy {escape(analysis.spec.control.policy)}).",
        _cost(cost),
        _quality(quality),
    ]
    return f"<h2>What was compared</h2><p>{' '.join(lines)}</p>"


def _cost(found: Comparison) -> str:
    if math.isnan(found.difference.value):
        return "No arm's cost can be set beside the other's before a request of each has finished."
    dollars = f"${found.treated.value:.6f} instead of ${found.control.value:.6f}"
    return f"A request costs {dollars}: {_less(found.ratio)}."


def _less(share: Effect) -> str:
    """Return a change of cost as what is saved or added."""
    if math.isnan(share.value):
        return "how much that saves cannot be said"
    if not (math.isfinite(share.low) and math.isfinite(share.high)):
        return f"{_saved(share.value)}, not sure yet"
    return f"{_saved(share.value)}, surely between {_saved(share.low)} and {_saved(share.high)}"


def _saved(share: float) -> str:
    return f"{100 * abs(share):.1f} % {'less' if share < 0 else 'more'}"


def _quality(found: Comparison) -> str:
    if math.isnan(found.difference.value):
        return "How good the answers are cannot be compared before some of each have been judged."
    return (
        f"The quality of answers is {found.treated.value:.4f} instead of {found.control.value:.4f}: "
        f"{interval(found.difference)}."
    )


def _shadows(analysis: Analysis) -> str:
    """Return what shadows would have come to; nothing where none was called."""
    lines = [
        f"<strong>{escape(shade.arm.name)}</strong> (policy {escape(shade.arm.policy)}) is a shadow: it answered "
        f"{shade.requests:,} of the requests off the path, for ${shade.usd:.4f}, and nobody was served its answers."
        + "".join(_instead(beside) for beside in shade.beside if beside.requests)
        for shade in analysis.shadows
    ]
    return "<h2>What was not served</h2>" + "".join(f"<p>{line}</p>" for line in lines) if lines else ""


def _instead(beside: Beside) -> str:
    by = {each.metric: each for each in beside.metrics}
    quality, cost = by["quality"], by["cost_usd"]
    known = not math.isnan(quality.difference.value)
    judged = f"{quality.shadow:.4f} where {quality.served:.4f} was served, {interval(quality.difference)}"
    return (
        f" On {beside.requests:,} requests of {escape(beside.arm.name)} its quality is "
        f"{judged if known else 'not known yet'}, at ${cost.shadow:.6f} a request instead of ${cost.served:.6f}."
    )


def _sure(analysis: Analysis) -> str:
    """Return how sure that is."""
    seen = f"{sum(analysis.requests):,} requests of {sum(analysis.units):,} units"
    labels = " People's labels correct the judges." if analysis.corrected else " Quality is what the judges say."
    ratio = "" if not analysis.mismatch.broken else " <strong>The arms do not have the shares planned.</strong>"
    return (
        f"<h2>How sure</h2><p>By {seen}. The intervals hold with {1 - analysis.spec.alpha:.0%} at every look at once, "
        f"so they may be looked at any day.{labels}{ratio}</p>"
    )


def _plot(title: str, slices: Sequence[Slice]) -> str:
    """Return intervals as bars around nought; nothing where there is none."""
    bounded = [each for each in slices if math.isfinite(each.effect.low) and math.isfinite(each.effect.high)]
    if not bounded:
        return ""
    reach = max(max(abs(each.effect.low), abs(each.effect.high)) for each in bounded) or 1.0
    height = _ROW * len(bounded) + 8
    bars = "".join(_bar(each.name, each.effect, reach, row) for row, each in enumerate(bounded))
    zero = _x(0.0, reach)
    axis = f'<line class="axis" x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="{height}"/>'
    return (
        f'<h2>{escape(title)}</h2><svg role="img" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        f'font-size="13">{axis}{bars}</svg>'
    )


def _bar(name: str, effect: Effect, reach: float, row: int) -> str:
    y = _ROW * row + 16
    low, high, value = (_x(at, reach) for at in (effect.low, effect.high, effect.value))
    return (
        f'<text x="0" y="{y + 4}">{escape(name[:28])}</text>'
        f'<line class="bar" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>'
        f'<circle class="dot" cx="{value:.1f}" cy="{y}" r="4.5"><title>{escape(interval(effect))}</title></circle>'
    )


def _x(value: float, reach: float) -> float:
    """Return where a value stands: the names take the left third."""
    return 200 + (_WIDTH - 210) * (value / reach + 1) / 2


def _table(rows: Sequence[dict[str, object]]) -> str:
    if not rows:
        return ""
    columns = [column for column in rows[0] if any(row[column] is not None for row in rows)]
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    cells = ("".join(f"<td>{escape(_cell(row[column]))}</td>" for column in columns) for row in rows)
    body = "".join(f"<tr>{each}</tr>" for each in cells)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _cell(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _sentence(text: str) -> str:
    """Return a text as a sentence; nothing of nothing."""
    ended = not text or text.endswith((".", "!", "?"))
    return f"{text[:1].upper()}{text[1:]}{'' if ended else '.'}"


def _heading(title: str, analysis: Analysis) -> str:
    """Return a title with a capital, unless it begins with the name of an arm."""
    named = any(title.startswith(arm.name) for arm in analysis.spec.arms)
    return title if named else f"{title[:1].upper()}{title[1:]}"
