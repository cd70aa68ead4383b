"""Prints the result of a simulation as a table; it computes nothing but means over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid

MEANS = ("quality", "cost_usd", "utility", "utility_late", "attempts_mean", "judge_calls_mean")


def by_policy(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one line for each policy with the means over its seeds."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for entry in result["results"]:
        lines.setdefault(entry["policy"], []).append(entry)
    return [
        {
            "policy": policy,
            "kind": entries[0]["kind"],
            **{name: fmean(entry[name] for entry in entries) for name in MEANS},
            "start_share": {
                model: fmean(entry["start_share"][model] for entry in entries) for model in entries[0]["start_share"]
            },
        }
        for policy, entries in lines.items()
    ]


def show(result: Mapping[str, Any], console: Console, *, seeds: int) -> None:
    """Print policies and references."""
    head = f"{result['rows']} queries x {seeds} seeds, {result['scenario']}, judge {result['judge']}, "
    grid = Grid(
        title=f"{head}value ${result['value_usd']:g}", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    grid.add_column("policy", overflow="fold")
    for column in ("utility", "2nd half", "quality", "$/request", "calls", "judged"):
        grid.add_column(column, justify="right", no_wrap=True)
    for line in by_policy(result):
        grid.add_row(line["policy"], *_figures(line, f"{line['utility_late']:.4f}"), *_calls(line))
    grid.add_section()
    for name, line in result["references"].items():
        grid.add_row(f"({name})", *_figures(line, ""))
    console.print(grid)
    console.print("utility: mean true score - mean $/request / value, cold start included")
    console.print("(in brackets): references, known only in hindsight")


def _figures(line: Mapping[str, Any], second_half: str) -> tuple[str, ...]:
    return f"{line['utility']:.4f}", second_half, f"{line['quality']:.4f}", f"{line['cost_usd']:.6f}"


def _calls(line: Mapping[str, Any]) -> tuple[str, ...]:
    return f"{line['attempts_mean']:.2f}", f"{line['judge_calls_mean']:.2f}"
