"""The demonstration as an experiment: the first policy against the others on the same traffic; it sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bandit_router.cli.experiment import conducting
from bandit_router.cli.experiment_table import interval
from bandit_router.experiment.spec import ArmSpec, ExperimentSpec
from bandit_router.settings import load_settings
from bandit_router.steward import Report

NAME = "demo"


def start(config: Path, policies: Sequence[str], *, queries: int) -> None:
    """Start the experiment; the first policy is the control, and each learns from its own requests alone."""
    spec = ExperimentSpec(
        name=NAME,
        description=f"{policies[0]} against {' and '.join(policies[1:])}",
        arms=tuple(ArmSpec(name=name, policy=name, control=name == policies[0]) for name in policies),
        planned_units=max(queries, 100),
        automatic=False,
    )
    with conducting(load_settings(config)) as acting:
        acting.start(spec, by=NAME)


def report(config: Path) -> Report:
    """Return what the experiment's log says."""
    with conducting(load_settings(config)) as acting:
        return acting.analyse(NAME)


def show(console: Console, found: Report) -> None:
    """Print each treatment's effects by what the service itself saw, and the verdict."""
    control = found.analysis.spec.control.name
    for each in found.analysis.treatments:
        by = {metric.metric: metric for metric in each.metrics}
        console.print(f"experiment: {each.arm.name} against {control}, by what the judges said")
        console.print(f"  reward   {interval(by['reward'].difference)}", highlight=False)
        console.print(f"  quality  {interval(by['quality'].difference)}", highlight=False)
        console.print(f"  dollars  {interval(by['cost_usd'].ratio, share=True)}", highlight=False)
    console.print(f"verdict: {found.verdict.word}: {found.verdict.reason}", highlight=False)


def policy_of(logged: str) -> str:
    """Return the policy that decided, by the name it was logged under.

    >>> policy_of("demo.vw_cb"), policy_of("vw_cb")
    ('vw_cb', 'vw_cb')
    """
    return logged.removeprefix(f"{NAME}.")
