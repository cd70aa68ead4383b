"""`bandit-router experiment`: starts, lists, shows, analyses, ramps and stops experiments, and says what one needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bandit_router.cli.options import DEFAULT_CONFIG, Config, Json, user_name
from bandit_router.cli.output import show as print_table
from bandit_router.cli.output import write_json
from bandit_router.errors import BadRequest, ConfigError
from bandit_router.settings import Settings, load_settings

if TYPE_CHECKING:
    from bandit_router.conduct import Conduct
    from bandit_router.experiment.spec import ExperimentSpec

Name = Annotated[str, typer.Argument(help="The experiment's name.")]
Reason = Annotated[str, typer.Option(help="Why, for the history.")]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Let policies share live traffic, and see which to keep.", no_args_is_help=True)
    group.command("start")(start)
    group.command("list")(list_experiments)
    group.command("show")(show)
    group.command("analyse")(analyse)
    group.command("ramp")(ramp)
    group.command("stop")(stop)
    group.command("power")(power)
    app.add_typer(group, name="experiment")


def start(
    name: Annotated[str, typer.Argument(help="A file of policies/experiments without .toml, or the path of one.")],
    config: Config = DEFAULT_CONFIG,
    json_path: Json = None,
) -> None:
    """Start an experiment; running services take it up within seconds."""
    settings = load_settings(config)
    spec = _file(settings, name)
    with conducting(settings) as acting:
        standing = acting.start(spec, by=_me())
    _said(standing.spec.name, f"started with {standing.share:.0%} of the eligible units", standing, json_path)


def list_experiments(config: Config = DEFAULT_CONFIG, json_path: Json = None) -> None:
    """List the experiments that were started, and the files of those that were not."""
    settings = load_settings(config)
    from bandit_router.experiment.load import read_experiments

    with conducting(settings) as acting:
        found, now = acting.all(), acting.now()
    rows: list[dict[str, object]] = [
        {
            "experiment": name,
            "state": each.state(now),
            "share": f"{each.share:.0%}",
            "since": f"{each.stepped_at:%Y-%m-%d %H:%M}",
            "arms": ", ".join(arm.name for arm in each.spec.arms),
        }
        for name, each in found.items()
    ]
    files, bad = read_experiments(_folder(settings))
    for name, spec in files.items():
        if name not in found:
            names = ", ".join(arm.name for arm in spec.arms)
            rows.append({"experiment": name, "state": "not started", "share": None, "since": None, "arms": names})
    print_table("experiments", rows, json_path=json_path)
    if bad:
        raise bad[0]


def show(name: Name, config: Config = DEFAULT_CONFIG, json_path: Json = None) -> None:
    """Show where an experiment stands and everything that happened to it."""
    from bandit_router.experiment.history import in_order

    with conducting(load_settings(config)) as acting:
        standing, now = acting.get(name), acting.now()
    typer.echo(
        f"{name}: {standing.state(now)}, {standing.share:.0%} of the eligible units. {standing.spec.description}"
    )
    rows = [{**row, "at": f"{row['at']:%Y-%m-%d %H:%M:%S}", "share": f"{row['share']:.0%}"}
            for row in in_order(standing.events)]  # fmt: skip
    print_table("history (UTC)", rows)
    _write(json_path, standing, now)


def analyse(
    name: Name,
    config: Config = DEFAULT_CONFIG,
    report: Annotated[Path | None, typer.Option(help="Also write a page to read and pass on, as HTML.")] = None,
    json_path: Json = None,
) -> None:
    """Say what an experiment's log says so far; looking often makes it no less true."""
    from bandit_router.cli.experiment_page import page
    from bandit_router.cli.experiment_table import tables
    from bandit_router.experiment.summary import analysis_body, standing_body

    with conducting(load_settings(config)) as acting:
        found = acting.analyse(name)
    for title, rows in tables(found.analysis):
        print_table(title, rows)
    typer.echo(f"{found.verdict.word}: {found.verdict.reason}.")
    if json_path:
        body = standing_body(found.standing, found.at) | analysis_body(found.analysis, found.verdict)
        write_json(json_path, body)
    if report:
        try:
            report.write_text(page(found), encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"cannot be written ({error.strerror}); choose another path", path=str(report)) from error


def ramp(
    name: Name,
    share: Annotated[float | None, typer.Option(help="Of the eligible units; its next step if left out.")] = None,
    reason: Reason = "",
    config: Config = DEFAULT_CONFIG,
    json_path: Json = None,
) -> None:
    """Let more units take part."""
    with conducting(load_settings(config)) as acting:
        standing = acting.ramp(name, share, by=_me(), reason=reason)
    _said(name, f"at {standing.share:.0%} of the eligible units", standing, json_path)


def stop(name: Name, reason: Reason = "", config: Config = DEFAULT_CONFIG, json_path: Json = None) -> None:
    """Stop an experiment: the default policy decides again."""
    with conducting(load_settings(config)) as acting:
        standing = acting.stop(name, by=_me(), reason=reason)
    _said(name, "stopped", standing, json_path)


def power(
    name: Annotated[str, typer.Argument(help="A file of policies/experiments without .toml, or the path of one.")],
    effect: Annotated[list[float] | None, typer.Option(help="A change of its metric; repeatable.")] = None,
    power: Annotated[float, typer.Option(help="How surely it is to be found.", min=0.5, max=0.99)] = 0.8,
    days: Annotated[float, typer.Option(help="How many days of the log to go by.", min=0.01)] = 14.0,
    config: Config = DEFAULT_CONFIG,
    json_path: Json = None,
) -> None:
    """Say how many units an experiment needs for which effect, by the log's own variance."""
    if any(each <= 0 for each in effect or ()):
        raise BadRequest("--effect must be above 0")
    settings = load_settings(config)
    spec = _file(settings, name)
    from bandit_router.experiment.budget import budget

    with conducting(settings) as acting:
        log, spanned = acting.baseline(spec, days=days)
    found = budget(spec, log, days=spanned, effects=effect or (), power=power)
    typer.echo(f"{spec.metric} is {found.mean:.4g} and varies by {found.deviation:.4g} between units ({spec.unit})")
    slots = spec.slots[1] - spec.slots[0]
    taken = "" if slots == 1 else f", {slots:.0%} of them in its slots"
    typer.echo(f"{found.units:,} units that could have taken part in {spanned:.2g} days of the log{taken}")
    rows: list[dict[str, object]] = [
        {
            "effect": f"{each.effect:.4g}",
            "units, looking at will": each.units,
            "days of all traffic": f"{each.units / found.units_per_day:.2g}",
            "units, one look at the end": each.units_fixed,
        }
        for each in found.needs
    ]
    print_table(f"what {power:.0%} power needs", rows, json_path=json_path)
    typer.echo(f"the {spec.planned_units:,} units planned show an effect of {found.shown_by_planned:.4g}")


def _file(settings: Settings, name: str) -> ExperimentSpec:
    """Return the experiment of a file, by its name or its path."""
    from bandit_router.experiment.load import find_experiment, load_experiment

    if name.endswith(".toml"):
        return load_experiment(Path(name))
    return find_experiment(_folder(settings), name)


def _folder(settings: Settings) -> Path:
    return settings.policies.dir / "experiments"


def _me() -> str:
    return user_name() or "unknown user"


def _said(name: str, what: str, standing: Any, json_path: Path | None) -> None:
    typer.echo(f"{name}: {what}")
    _write(json_path, standing, datetime.now(UTC))


def _write(json_path: Path | None, standing: Any, now: datetime) -> None:
    from bandit_router.experiment.summary import standing_body

    if json_path:
        write_json(json_path, standing_body(standing, now))


@contextmanager
def conducting(settings: Settings) -> Iterator[Conduct]:
    """Give what experiments are handled with, on the configuration's database."""
    from bandit_router.conduct import Conduct
    from bandit_router.context.categories import category_names
    from bandit_router.policy.load import load_specs
    from bandit_router.reward.feedback import combine
    from bandit_router.store.events import Events
    from bandit_router.store.experiments import ExperimentEvents
    from bandit_router.store.keys import Keys
    from bandit_router.store.session import check_schema, open_engine

    specs = load_specs(settings.policies.dir)
    engine = open_engine(settings.store.url)
    try:
        check_schema(engine)
        yield Conduct(
            history=ExperimentEvents(engine),
            journal=Events(engine, combine=combine),
            policies=tuple(specs),
            categories=lambda: category_names(settings.context.taxonomy, settings.context.taxonomy_mode),
            keys=Keys(engine).names,
            now=lambda: datetime.now(UTC),
        )
    finally:
        engine.dispose()
