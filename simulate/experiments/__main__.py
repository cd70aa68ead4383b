"""`make bench-experiment`: prints the false positives, coverage, power and alarms of experiments; asserts nothing."""

from __future__ import annotations

import math
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from simulate.experiments.faults import Alarm, biased_judge, breach, lopsided
from simulate.experiments.limits import one_look, sequential
from simulate.experiments.peeking import cost, peek, peek_sessions, rate, reward
from simulate.experiments.recorded import narrowed
from simulate.outcomes import read_table

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "merged_core.jsonl.gz"
_DEVIATION = 0.4796
"""Of a reward drawn by `peeking.reward`."""
BREACHES = (
    (0.05, 0.05, 0.1, 1),
    (0.02, 0.04, 0.1, 1),
    (0.05, 0.1, 0.05, 1),
    (0.05, 0.1, 0.1, 1),
    (0.05, 0.1, 0.2, 1),
    (0.05, 0.1, 0.1, 3),
    (0.05, 0.05, 0.1, 3),
    (0.1, 0.2, 0.1, 1),
    (0.1, 0.1, 0.1, 1),
)
"""The control's failure rate and the treatment's, `rollback_alpha`, and the control's weight."""


def main(experiments: int = 2000) -> None:
    """Print the tables."""
    console = Console()
    console.print(_false_positives(experiments))
    console.print(_power(experiments // 2))
    console.print(_alarms())
    console.print(_breaches(experiments // 4))
    console.print(_judges())
    if DATA.exists():
        console.print(_narrowed())
    else:
        console.print("merged_core is not here, so what covariates gain on it is not shown")


def _false_positives(experiments: int) -> Table:
    title = f"A/A, {experiments:,} experiments, 100 looks at 2,000 units: an interval ever missed 0"
    table = Table("metric", "sequence", "naive", title=title, box=SIMPLE_HEAD)
    for draw in (reward, rate, cost):
        found = peek(draw, experiments=experiments)
        table.add_row(draw.__name__, f"{found.missed:.2%}", f"{found.missed_naive:.2%}")
    by_session, by_request = peek_sessions()
    table.add_row("200 with sessions, 20 looks; as if requests were units", f"{by_session:.2%}", f"{by_request:.2%}")
    return table


def _power(experiments: int) -> Table:
    table = Table(
        "effect", "horizon", "held at every look", "found", "mean units", "one test at 2,000",
        title="real effects, in standard errors of 2,000 units; 100 looks", box=SIMPLE_HEAD,
    )  # fmt: skip
    fixed: dict[int, float] = {}
    for units in (2000, 8000):
        for errors in (1, 2, 4):
            effect = errors * _DEVIATION * math.sqrt(4 / 2000)
            found = peek(reward, effect=effect, units=units, experiments=experiments, seed=errors)
            fixed.setdefault(errors, found.found_fixed)
            held = f"{1 - found.missed:.2%}"
            figures = (held, f"{found.found:.1%}", f"{found.stopped:,.0f}", f"{fixed[errors]:.1%}")
            table.add_row(f"{errors}", f"{units:,}", *figures)
    return table


def _alarms() -> Table:
    table = Table("fault", "seen", "median", "95 % by", title="lopsided arms, looking every 50 units", box=SIMPLE_HEAD)
    for share in (0.5, 0.52, 0.55):
        _row(table, f"{share:.0%} of 3,000 units where half was planned", lopsided(share))
    return table


def _breaches(runs: int) -> Table:
    title = f"a guardrail without margin; rolled back within 500 requests of the arm, {runs} runs, a look every 25"
    table = Table(
        "errors", "control's weight", "rollback_alpha", "rolled back", "median", "95 % by", "any test at most",
        "SPRT that knows both", title=title, box=SIMPLE_HEAD,
    )  # fmt: skip
    for base, worse, alpha, weight in BREACHES:
        alarm = breach(base, worse, alpha=alpha, control_weight=weight, runs=runs, every=25)
        limits = ["", ""]
        if worse > base:
            limits[0] = f"{one_look(base, worse, alpha=alpha, control_weight=weight):.1%}"
            limits[1] = f"{sequential(base, worse, alpha=alpha):.1%}" if weight == 1 else ""
        shown = (f"{alarm.share:.1%}", _when(alarm.median), _when(alarm.late))
        table.add_row(f"{base:.0%} and {worse:.0%}", f"{weight}", f"{alpha}", *shown, *limits)
    return table


def _when(units: float) -> str:
    return f"{units:,.0f}" if math.isfinite(units) else "-"


def _row(table: Table, name: str, alarm: Alarm) -> None:
    table.add_row(name, f"{alarm.share:.1%}", _when(alarm.median), _when(alarm.late))


def _judges() -> Table:
    title = "a judge that favours one arm by .10; 5 % of 10,000 units labelled; 500 runs"
    table = Table("estimate", "holds the truth", "width", title=title, box=SIMPLE_HEAD)
    found = biased_judge()
    table.add_row("judge corrected by labels", f"{found.corrected:.1%}", f"{found.width:.3f}")
    table.add_row("judge alone", f"{found.judge_only:.1%}", "")
    table.add_row("labels alone", f"{found.labels_only:.1%}", f"{found.width_labels_only:.3f}")
    return table


def _narrowed() -> Table:
    table = Table(
        "unit", "value of an answer", "narrower", "found", "interval", "true",
        title="what was known beforehand, on recorded outcomes", box=SIMPLE_HEAD,
    )  # fmt: skip
    outcomes = read_table(DATA)
    for per_key in (1, 5):
        for value_usd in (0.02, 0.01):
            found = narrowed(outcomes, value_usd=value_usd, per_key=per_key)
            interval = f"{found.low:.3f} to {found.high:.3f}"
            unit = "request" if per_key == 1 else f"key with {per_key} requests"
            shares = (f"{found.narrower:.1%}", f"{found.found:.3f}", interval, f"{found.truth:.3f}")
            table.add_row(unit, f"${value_usd}", *shares)
    return table


if __name__ == "__main__":
    main()
