"""`bandit-router models`: the models that a service offers, and those that come, go and return at run time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bandit_router.cli.options import DEFAULT_CONFIG, Config, Json
from bandit_router.cli.output import show
from bandit_router.errors import BadRequest, SchemaOutdated
from bandit_router.settings import ModelSettings, Settings, load_settings

if TYPE_CHECKING:
    from bandit_router.registry.offered import Offered
    from bandit_router.store.roster import Roster
    from bandit_router.types import ModelEvent

Name = Annotated[str, typer.Argument(help="What clients, policies and logs call it.")]
Reason = Annotated[str | None, typer.Option(help="Kept with the model's history.")]
Price = typer.Option(help="USD for a million tokens; litellm's list when not given.", min=0.0, show_default=False)


def register(app: typer.Typer) -> None:
    """Add the command group; by itself it lists."""
    group = typer.Typer(help="List, add, approve, retire and readmit models.", invoke_without_command=True)
    group.callback()(by_itself)
    for name, command in (
        ("list", list_models),
        ("add", add),
        ("approve", approve),
        ("retire", retire),
        ("readmit", readmit),
        ("history", history),
    ):
        group.command(name)(command)
    app.add_typer(group, name="models")


def by_itself(context: typer.Context, config: Config = DEFAULT_CONFIG, json_path: Json = None) -> None:
    """List, add, approve, retire and readmit models; by itself, list them."""
    if context.invoked_subcommand is None:
        list_models(config, json_path)


def list_models(config: Config = DEFAULT_CONFIG, json_path: Json = None) -> None:
    """List the models by tier, with what they cost and take, and their states."""
    settings = load_settings(config)
    from bandit_router.bootstrap import load_catalog

    try:
        with _offered(settings) as (offered, _):
            models, records = (*offered.catalog.models, *offered.waiting.models), offered.records
    except SchemaOutdated:  # nothing can have been added yet
        models, records = load_catalog(settings).models, {}
    rows: list[dict[str, object]] = [
        {
            "tier": model.tier,
            "model": model.name,
            "state": records[model.name].state if model.name in records else None,
            "target": model.target,
            "$/M in": round(model.input_usd_per_token * 1e6, 6),
            "$/M out": round(model.output_usd_per_token * 1e6, 6),
            "context": model.context_window,
            "tools": model.tools,
            "images": model.vision,
            "region": model.region,
        }
        for model in models
    ]
    named = {model.name for model in models}
    gone = [record for record in records.values() if record.name not in named]
    rows += [{**dict.fromkeys(rows[0]), "model": record.name, "state": record.state} for record in gone]
    show("models", rows, json_path=json_path)


def add(  # noqa: PLR0913 (one parameter an option is how Typer is told of them)
    name: Name,
    target: Annotated[str, typer.Option(help="What litellm calls it, such as openai/gpt-4.1-mini.")],
    config: Config = DEFAULT_CONFIG,
    *,
    tier: Annotated[
        int | None, typer.Option(help="By its price when not given.", min=0, max=1000, show_default=False)
    ] = None,
    input_usd_per_million: Annotated[float | None, Price] = None,
    output_usd_per_million: Annotated[float | None, Price] = None,
    api_base: Annotated[str | None, typer.Option(help="An endpoint of your own.", show_default=False)] = None,
    api_key_env: Annotated[
        str | None, typer.Option(help="The environment variable with its key.", show_default=False)
    ] = None,
    context_window: Annotated[
        int | None, typer.Option(help="Tokens; litellm's list when not given.", min=1, show_default=False)
    ] = None,
    size_b: Annotated[
        float | None, typer.Option(help="Billions of parameters, where its name does not tell.", show_default=False)
    ] = None,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(help="What is stated of it: mmlu_pro=0.72 for 72 % solved; repeatable.", show_default=False),
    ] = None,
    reason: Reason = None,
) -> None:
    """Add a model to the running service, or change one that was added."""
    from bandit_router.registry.lifecycle import added

    given = {
        "name": name,
        "target": target,
        "tier": tier,
        "input_usd_per_million": input_usd_per_million,
        "output_usd_per_million": output_usd_per_million,
        "api_base": api_base,
        "api_key_env": api_key_env,
        "context_window": context_window,
        "size_b": size_b,
        "benchmarks": dict(_stated(each) for each in benchmark) if benchmark else None,
    }
    entry = _entry({key: value for key, value in given.items() if value is not None})
    with _offered(load_settings(config)) as (offered, _):
        offered.introduce(datetime.now(UTC))
        why = reason or "added by an operator"
        record = offered.records.get(name)
        offered.add(entry, added(name, record, now=datetime.now(UTC), reason=why, probed=offered.probed))
        model, waits = offered.catalog.get(name), offered.waiting.get(name) is not None
    where = f" on tier {model.tier}" if model else ""
    typer.echo(f"added {name}{where}{', which is probed before it takes requests' if waits else ''}")


def approve(name: Name, config: Config = DEFAULT_CONFIG, reason: Reason = None) -> None:
    """Let a newcomer take users' requests, whatever its probes say."""
    from bandit_router.registry.lifecycle import approved

    _rule(approved, name, config, reason=reason, done="approved")


def retire(name: Name, config: Config = DEFAULT_CONFIG, reason: Reason = None) -> None:
    """Take a model out; requests under way end as they began, and its history is kept."""
    from bandit_router.registry.lifecycle import retired

    _rule(retired, name, config, reason=reason, done="retired")


def readmit(name: Name, config: Config = DEFAULT_CONFIG, reason: Reason = None) -> None:
    """Take a retired model back, or accept a degraded one as it is, with what is known of it."""
    from bandit_router.registry.lifecycle import readmitted

    _rule(readmitted, name, config, reason=reason, done="readmitted")


def history(
    name: Annotated[str | None, typer.Argument(help="One model; all when not given.", show_default=False)] = None,
    config: Config = DEFAULT_CONFIG,
    json_path: Json = None,
) -> None:
    """List what happened to models, the newest first."""
    with _offered(load_settings(config)) as (_, roster):
        rows = [
            {
                "at": event.at,
                "model": event.model,
                "before": event.before,
                "state": event.state,
                "reason": event.reason,
                "numbers": ", ".join(f"{key} {value}" for key, value in event.numbers.items()) or None,
            }
            for event in roster.events(name)
        ]
    show("history", rows, json_path=json_path)


def _stated(text: str) -> tuple[str, str]:
    name, _, share = text.partition("=")
    if not share:
        raise BadRequest(f"--benchmark {text!r} is no score; give NAME=SHARE, such as mmlu_pro=0.72")
    return name.strip(), share


def _entry(given: dict[str, object]) -> ModelSettings:
    from pydantic import ValidationError

    try:
        return ModelSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in first["loc"])
        raise BadRequest(where + first["msg"].removeprefix("Value error, ")) from error


@contextmanager
def _offered(settings: Settings) -> Iterator[tuple[Offered, Roster]]:
    from bandit_router.policy.load import load_specs
    from bandit_router.providers.litellm import LitellmProvider
    from bandit_router.registry.offered import Offered
    from bandit_router.store.roster import Roster
    from bandit_router.store.session import check_schema, open_engine

    engine = open_engine(settings.store.url)
    try:
        check_schema(engine)
        roster = Roster(engine)
        offered = Offered(
            settings.models,
            prices=LitellmProvider.load().price,
            records=roster,
            probed=settings.aside.probe_usd_per_day > 0,
            taken=load_specs(settings.policies.dir).keys(),
            follows=settings.discovery.prices is not None,
        )
        yield offered, roster
    finally:
        engine.dispose()


def _rule(rule: Callable[..., ModelEvent], name: str, config: Path, *, reason: str | None, done: str) -> None:
    """Change where a model stands by a rule of its life, and say so."""
    with _offered(load_settings(config)) as (offered, _):
        now = datetime.now(UTC)
        offered.introduce(now)  # router.toml may name models that no service has started with yet
        offered.change(rule(offered.record(name), now=now, reason=reason or f"{done} by an operator"))
    typer.echo(f"{done} {name}")
