"""Draws the four pictures of the page from series and the result; it computes no figures of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bandit_router.page.svg import WIDTH, Plot, Point, padded, x_scale, y_scale
from simulate.bench.report.series import Curve
from simulate.bench.show import by_policy
from simulate.bench.stream import Stream
from simulate.bench.world import World

COLOURS: Final = 8
"""How many colours for policies and for models there are in the style sheet; with more of them they come again."""


def frontier(result: Mapping[str, Any], world: World) -> str:
    """Draw quality against cost: policies and seeds, single models, and what hindsight shows."""
    lines = by_policy(result)
    singles = list(zip(world.costs.mean(axis=0).tolist(), world.scores.mean(axis=0).tolist(), strict=True))
    references = {n: (r["cost_usd"], r["quality"]) for n, r in result["references"].items() if n != "best_single"}
    policies = {line["policy"]: (line["cost_usd"], line["quality"]) for line in lines}
    every = [*singles, *references.values(), *policies.values()]
    costs = [max(cost, 1e-9) for cost, _ in every]
    plot = Plot(
        x_scale(min(costs) / 1.5, max(costs) * 1.6, log=True),
        y_scale(*padded([quality for _, quality in every])),
        title="Quality against cost",
    )
    plot.axes("mean cost of a request, USD (log)", "mean quality", x_text=dollars, y_text=_plain)
    for point, model in zip(singles, world.models, strict=True):
        plot.dot(point, "single", tip=_tip(f"always {model}", point))
    for name, point in references.items():
        plot.dot(point, "reference", tip=_tip(name, point))
    # Policies are told by colour: with their names too, the crowded middle could not be read.
    plot.labels([*zip(singles, world.models, strict=True), *((point, name) for name, point in references.items())])
    _policies(plot, result, policies)
    return plot.render()


def _policies(plot: Plot, result: Mapping[str, Any], policies: Mapping[str, Point]) -> None:
    for number, (name, point) in enumerate(policies.items()):
        for entry in result["results"]:
            if entry["policy"] == name:
                plot.dot((entry["cost_usd"], entry["quality"]), f"p{number % COLOURS} seed", radius=3)
        plot.dot(point, f"p{number % COLOURS}", radius=7, tip=_tip(name, point))


def learning(result: Mapping[str, Any], found: Sequence[Curve], stream: Stream) -> str:
    """Draw each policy's utility as the stream goes on, with two references."""
    marks = {name: result["references"][name]["utility"] for name in ("best_single", "best_fixed_cascade")}
    values = [value for curve in found for value in curve.utility.tolist()] + list(marks.values())
    plot = Plot(x_scale(0, found[0].ends[-1]), y_scale(*padded(values)), title="Utility as the stream goes on")
    plot.axes("queries", "utility of late", x_text=_count, y_text=_plain)
    _phases(plot, stream)
    for name, value in marks.items():
        plot.line([(0, value), (found[0].ends[-1], value)], "dashed", tip=f"{name}: {value:.4f}")
        plot.text((plot.x.stop - 4, plot.y.at(value) - 5), name, anchor="end", css="tick")
    for number, curve in enumerate(found):
        points = list(zip(curve.ends, curve.utility.tolist(), strict=True))
        plot.line(points, f"p{number % COLOURS}", tip=curve.policy)
    return plot.render()


def regret(found: Sequence[Curve], stream: Stream) -> str:
    """Draw the utility lost so far against the best fixed cascade of each phase; below zero is ahead of it."""
    values = [0.0, *(value for curve in found for value in curve.regret.tolist())]
    plot = Plot(x_scale(0, found[0].ends[-1]), y_scale(*padded(values)), title="Regret")
    plot.axes("queries", "utility lost, summed", x_text=_count, y_text=_plain)
    _phases(plot, stream)
    plot.line([(0, 0.0), (found[0].ends[-1], 0.0)], "dashed")
    for number, curve in enumerate(found):
        points = [(0.0, 0.0), *zip(map(float, curve.ends), curve.regret.tolist(), strict=True)]
        plot.line(points, f"p{number % COLOURS}", tip=f"{curve.policy}: {curve.regret[-1]:.1f} in all")
    return plot.render()


def starts(curve: Curve, models: Sequence[str], stream: Stream) -> str:
    """Draw one policy's share of starts of each model, stacked from the cheapest up."""
    height = 190
    plot = Plot(
        x_scale(0, curve.ends[-1], width=WIDTH / 2),
        y_scale(0, 1, height=height),
        title=f"Starts of {curve.policy}",
        width=WIDTH / 2,
        height=height,
    )
    base = [0.0] * len(curve.ends)
    for model, name in enumerate(models):
        top = [low + share for low, share in zip(base, curve.shares[:, model].tolist(), strict=True)]
        tip = f"{name}: {float(curve.shares[:, model].mean()):.1%} of starts"
        plot.area(_stretched(curve.ends, base), _stretched(curve.ends, top), f"m{model % COLOURS}", tip=tip)
        base = top
    plot.axes("queries", "share of starts", x_text=_count, y_text=_percent)
    for phase in stream.phases[1:]:
        plot.mark(phase.start, "")
    return plot.render()


def _stretched(ends: Sequence[int], values: Sequence[float]) -> list[Point]:
    """Return points from the first query on: the first window's value holds at its beginning too."""
    return [(0.0, values[0]), *zip(map(float, ends), values, strict=True)]


def _phases(plot: Plot, stream: Stream) -> None:
    for phase in stream.phases[1:]:
        plot.mark(phase.start, phase.name)


def _tip(name: str, point: Point) -> str:
    return f"{name}: quality {point[1]:.4f} at ${point[0]:.6f}"


def dollars(value: float) -> str:
    """Return an amount without an exponent.

    >>> dollars(5e-05)
    '$0.00005'
    """
    return f"${value:.10f}".rstrip("0").rstrip(".")


def _plain(value: float) -> str:
    return f"{value:g}"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _percent(value: float) -> str:
    return f"{value:.0%}"
