"""`make bench-evaluate`: prints the errors, the coverage and the speed of the estimators; it asserts nothing."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from simulate.evaluation.coverage import coverage
from simulate.evaluation.digits import PUBLISHED, RUNS, mean_errors
from simulate.evaluation.speed import speeds
from simulate.evaluation.worlds import worlds

_ESTIMATORS = ("cressie_read", "ips", "snips")


def main(repetitions: int = 500) -> None:
    """Print the three tables."""
    console = Console()
    console.print(_speed())
    console.print(_digits())
    console.print(_coverage(repetitions))


def _speed() -> Table:
    table = Table("estimator", "seconds", "million rows/s", title="1,000,000 rows, 5 models", box=SIMPLE_HEAD)
    for speed in speeds():
        table.add_row(speed.estimator, f"{speed.seconds:.3f}", f"{speed.rows / speed.seconds / 1e6:.1f}")
    return table


def _digits() -> Table:
    table = Table("estimator", "published", "here", "ratio", title="relative error on the digits", box=SIMPLE_HEAD)
    with Progress(transient=True) as progress:
        task = progress.add_task("digits", total=RUNS)
        found = mean_errors(tick=lambda _: progress.advance(task))
    for name, error in found.items():
        table.add_row(name, f"{PUBLISHED[name]:.4f}", f"{error:.4f}", f"{error / PUBLISHED[name]:.2f}")
    return table


def _coverage(repetitions: int) -> Table:
    """Return coverage and mean width of nominal 95 % intervals."""
    table = Table("world", "rows", "epsilon", *_ESTIMATORS, title="coverage (width)", box=SIMPLE_HEAD)
    cells = [(world, rows, epsilon) for world in worlds() for rows in (200, 1000, 5000) for epsilon in (0.1, 0.3)]
    with Progress(transient=True) as progress:
        for world, rows, epsilon in progress.track(cells, description="coverage"):
            found = coverage(world, _ESTIMATORS, rows=rows, epsilon=epsilon, repetitions=repetitions, seed=1)
            shown = [f"{each.share:.3f} ({each.width:.3f})" for each in found]
            table.add_row(world.name, f"{rows:,}", f"{epsilon}", *shown)
    return table


if __name__ == "__main__":
    main()
