"""`make bench-experiment`: prints how far the analysis of experiments can be trusted; it asserts nothing."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bandit_router.experiment.spec import GuardrailSpec
from simulate.experiments.faults import Alarm, biased_judge, breach, guarded, lopsided
from simulate.experiments.limits import one_look, sequential
from simulate.experiments.peeking import cost, peek, peek_adjusted, peek_sessions, rate, reward
from simulate.experiments.recorded import ceiling, narrowed, see
from simulate.experiments.served import compare
from simulate.outcomes import Table as OutcomeTable
from simulate.outcomes import read_table

JUDGES = (("--judge-noise", "0.1"), ("--judge-auc", "0.85"))
"""Options of the fleet: a good judge, and a mediocre one whose scores mean little before they are calibrated."""
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
MARGINS = {
    "0.005": GuardrailSpec(metric="error_rate", margin=0.005),
    "0.01": GuardrailSpec(metric="error_rate", margin=0.01),
    "half": GuardrailSpec(metric="error_rate", relative=0.5),
}
"""What errors may be above the control's: the margin of the experiment that comes with the product, and a wide one."""
DOUBLED = ((0.1, 0.2), (0.05, 0.1), (0.02, 0.04))


Outcomes = Annotated[
    Path | None, typer.Argument(help="A table of recorded outcomes, for what covariates gain and for the real service.")
]
Experiments = Annotated[int, typer.Option(help="How many simulated experiments of equal arms; 0 leaves worlds out.")]
Queries = Annotated[int, typer.Option(help="How many requests to serve over HTTP; 0 leaves the real service out.")]


def main(table: Outcomes = None, experiments: Experiments = 2000, queries: Queries = 4000) -> None:
    """Print the tables."""
    console = Console(width=130)
    if experiments:
        console.print(_false_positives(experiments))
        console.print(_power(experiments // 2))
        console.print(_alarms())
        console.print(_breaches(experiments // 4))
        console.print(_margins(experiments // 4))
        console.print(_judges())
    if table is None:
        console.print('covariates and the real service: give a table, ARGS="TABLE"')
        return
    outcomes = read_table(table)
    if experiments:
        console.print(_narrowed(outcomes))
    if queries:
        for judge in JUDGES:
            console.print(_served(table, outcomes, queries, judge))


def _false_positives(experiments: int) -> Table:
    title = f"A/A, {experiments:,} experiments, 100 looks at 2,000 units: an interval ever missed 0"
    table = Table("metric", "sequence", "naive", title=title, box=SIMPLE_HEAD)
    for draw in (reward, rate, cost):
        found = peek(draw, experiments=experiments)
        table.add_row(draw.__name__, f"{found.missed:.2%}", f"{found.missed_naive:.2%}")
    adjusted = f"{peek_adjusted(experiments=experiments // 10):.2%}"
    table.add_row("a tenth of them, what is known of other units taken out, 20 looks", adjusted, "")
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
        alarm = breach(base, worse, guarded(alpha=alpha, control_weight=weight), runs=runs, every=25)
        limits = ["", ""]
        if worse > base:
            limits[0] = f"{one_look(base, worse, alpha=alpha, control_weight=weight):.1%}"
            limits[1] = f"{sequential(base, worse, alpha=alpha):.1%}" if weight == 1 else ""
        shown = (f"{alarm.share:.1%}", _when(alarm.median), _when(alarm.late))
        table.add_row(f"{base:.0%} and {worse:.0%}", f"{weight}", f"{alpha}", *shown, *limits)
    return table


def _margins(runs: int) -> Table:
    title = f"doubled errors, rolled back within 500 requests of the arm by margin, {runs} runs, a look every 25"
    table = Table("margin", *(f"{base:.0%} and {worse:.0%}" for base, worse in DOUBLED), title=title, box=SIMPLE_HEAD)
    for name, guard in MARGINS.items():
        found = (breach(base, worse, guarded(guard), runs=runs, every=25).share for base, worse in DOUBLED)
        table.add_row(name, *(f"{share:.1%}" for share in found))
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


def _narrowed(outcomes: OutcomeTable) -> Table:
    table = Table(
        "unit", "value of an answer", "narrower", "with a shadow called", "best predictor", "found", "interval", "true",
        title="what was known beforehand, on recorded outcomes", box=SIMPLE_HEAD,
    )  # fmt: skip
    contexts = asyncio.run(see(outcomes))
    for per_key in (1, 5):
        for value_usd in (0.05, 0.02, 0.01, 0.0033):
            plain, called = (
                narrowed(outcomes, contexts, value_usd=value_usd, per_key=per_key, called=each)
                for each in (False, True)
            )
            best = f"{ceiling(outcomes, contexts, value_usd=value_usd):.1%}" if per_key == 1 else ""
            interval = f"{plain.low:.3f} to {plain.high:.3f}"
            unit = "request" if per_key == 1 else f"key with {per_key} requests"
            shares = (f"{plain.narrower:.1%}", f"{called.narrower:.1%}", best)
            table.add_row(unit, f"${value_usd}", *shares, f"{plain.found:.3f}", interval, f"{plain.truth:.3f}")
    return table


def _served(path: Path, outcomes: OutcomeTable, queries: int, judge: Sequence[str]) -> Table:
    found = compare(path, outcomes, requests=queries, value_usd=0.01, judge=judge, seed=1)
    arms = ", ".join(f"{n:,} units" for n in found.report.analysis.units)
    title = f"fixed_cascade and index on the real service, {' '.join(judge)}: {arms}, {found.failed} failed"
    table = Table(
        "difference", "reported", "interval", "true", "error", "of answers served", "held",
        title=title, caption=f"{found.report.verdict.word}: {found.report.verdict.reason}", box=SIMPLE_HEAD,
    )  # fmt: skip
    for each in found.figures:
        numbers = [f"{n:+.5f}" for n in (each.reported.value, each.true, each.error, each.served)]
        interval = f"{each.reported.low:+.5f} to {each.reported.high:+.5f}"
        table.add_row(each.figure, numbers[0], interval, *numbers[1:], "yes" if each.held else "NO")
    return table


if __name__ == "__main__":
    typer.run(main)
