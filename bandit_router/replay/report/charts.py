"""Draws the pictures of the page from a replay's result; it computes no figures of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bandit_router.page.svg import Plot, padded, x_scale, y_scale

COLOURS: Final = 8
Line = Mapping[str, Any]


def frontier(lines: Sequence[tuple[str, Line, str]]) -> str:
    """Draw quality against dollars, each with its interval; lines are (name, figures, colour)."""
    known = [(name, figures, css) for name, figures, css in lines if figures.get("quality") and figures.get("cost_usd")]
    costs = [figures["cost_usd"][end] for _, figures, _ in known for end in ("low", "high", "value")]
    qualities = [figures["quality"][end] for _, figures, _ in known for end in ("low", "high", "value")]
    plot = Plot(x_scale(*padded(costs)), y_scale(*padded(qualities)), title="Quality against cost")
    plot.axes("mean cost of a request, USD", "mean quality", x_text=dollars, y_text=_plain)
    for name, figures, css in known:
        quality, cost = figures["quality"], figures["cost_usd"]
        tip = f"{name}: quality {quality['value']:.4f} at {dollars(cost['value'])}"
        plot.line([(cost["low"], quality["value"]), (cost["high"], quality["value"])], css, tip=tip)
        plot.line([(cost["value"], quality["low"]), (cost["value"], quality["high"])], css, tip=tip)
        plot.dot((cost["value"], quality["value"]), css, radius=6, tip=tip)
    plot.labels([((f["cost_usd"]["value"], f["quality"]["value"]), name) for name, f, _ in known])
    return plot.render()


def over_time(lines: Sequence[tuple[str, Line, str]]) -> str:
    """Draw each policy's reward along the log, with its interval as a band."""
    series = [(name, list(figures.get("over_time") or ()), css) for name, figures, css in lines]
    series = [(name, windows, css) for name, windows, css in series if windows]
    if not series:
        return ""
    times = [_at(window[end]) for _, windows, _ in series for window in windows for end in ("from", "until")]
    values = [window[end] for _, windows, _ in series for window in windows for end in ("low", "high")]
    first, last = min(times), max(times)
    plot = Plot(x_scale(first, max(last, first + 1)), y_scale(*padded(values)), title="Reward over time")
    plot.axes("time", "mean reward", x_text=lambda at: _day(at, last - first), y_text=_plain)
    for _, windows, css in series:
        lower = [(_middle(window), window["low"]) for window in windows]
        upper = [(_middle(window), window["high"]) for window in windows]
        plot.area(lower, upper, f"{css} band")
    for name, windows, css in series:
        points = [(_middle(window), window["value"]) for window in windows]
        plot.line(points, css, tip=name)
        for window, point in zip(windows, points, strict=True):
            plot.dot(
                point, css, radius=3, tip=f"{name}: {window['value']:.4f} ({window['low']:.4f}, {window['high']:.4f})"
            )
    return plot.render()


def categories(lines: Sequence[tuple[str, Line, str]]) -> str:
    """Draw each category's rewards, one bar of interval a policy."""
    names = [part["category"] for _, figures, _ in lines[:1] for part in figures.get("by_category") or ()]
    parts = {name: _of_category(lines, name) for name in names}
    if not names:
        return ""
    values = [part[end] for found in parts.values() for _, part, _ in found for end in ("low", "high")]
    step = max(len(lines) * 11 + 16, 34)
    height = step * len(names) + 60
    plot = Plot(
        x_scale(*padded(values)), y_scale(0, len(names), height=height), title="Reward by category", height=height
    )
    plot.axes("mean reward", "", x_text=_plain, y_text=lambda _: "")
    for row, name in enumerate(names):
        top = plot.y.stop + row * step
        plot.text((plot.x.start + 4, top + 11), name, css="label")
        for place, (policy, part, css) in enumerate(parts[name]):
            y = len(names) * (1 - (top + 22 + place * 11 - plot.y.stop) / (plot.y.start - plot.y.stop))
            tip = f"{policy} on {name}: {part['value']:.4f} ({part['low']:.4f}, {part['high']:.4f})"
            plot.line([(part["low"], y), (part["high"], y)], css, tip=tip)
            plot.dot((part["value"], y), css, radius=4, tip=tip)
    return plot.render()


def _of_category(lines: Sequence[tuple[str, Line, str]], name: str) -> list[tuple[str, Line, str]]:
    return [
        (policy, part, css)
        for policy, figures, css in lines
        for part in figures.get("by_category") or ()
        if part["category"] == name
    ]


def dollars(value: float) -> str:
    """Return an amount without an exponent.

    >>> dollars(0.00012)
    '$0.00012'
    """
    return f"${value:.7f}".rstrip("0").rstrip(".")


def _plain(value: float) -> str:
    return f"{value:g}"


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _middle(window: Line) -> float:
    return (_at(window["from"]) + _at(window["until"])) / 2


def _day(at: float, span: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%d %b}" if span > 3 * 86400 else f"{moment:%H:%M}"
