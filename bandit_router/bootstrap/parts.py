"""What is made of settings alone, before a database is needed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bandit_router.context.build import Builder, load_builder
from bandit_router.errors import ConfigError, UnknownPolicy, did_you_mean
from bandit_router.judge.build import Tools, build_panel
from bandit_router.judge.calibrate import NAME as PANEL
from bandit_router.judge.panel import Panel
from bandit_router.policy.load import load_specs
from bandit_router.policy.spec import Spec, StaticSpec
from bandit_router.providers.litellm import LitellmProvider
from bandit_router.registry.catalog import Catalog, build_catalog, resolve_prices
from bandit_router.registry.drift import NAME as DRIFT
from bandit_router.reward.pacer import NAME as PACER
from bandit_router.settings import GraderSettings, JudgeSettings, Settings
from bandit_router.store.session import check_schema, open_engine
from bandit_router.types import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is made of settings alone, before a database is needed."""

    settings: Settings
    specs: Mapping[str, Spec]
    provider: LitellmProvider
    catalog: Catalog
    contexts: Builder
    panel: Panel


async def check(settings: Settings) -> None:
    """Build all that can be wrong in the settings, and look at the database; raise `ConfigError`, `SchemaOutdated`."""
    parts = await make_parts(settings)
    engine = open_engine(settings.store.url)
    try:
        check_schema(engine)
    finally:
        engine.dispose()
        await parts.provider.aclose()


async def make_parts(settings: Settings) -> Parts:
    """Build all that needs no database; raise `ConfigError`."""
    specs = load_specs(settings.policies.dir)
    if settings.policies.default not in specs:
        raise ConfigError(f"[policies] default: {UnknownPolicy(settings.policies.default, specs)}")
    provider = await asyncio.to_thread(LitellmProvider.load)
    catalog = load_catalog(settings, provider)
    check_names(specs, catalog)
    contexts, rng = await load_builder(settings.context, hosted=provider.embed), random.Random()
    tools = Tools(
        provider=provider,
        embedder=contexts.embedder,
        models=_judge_models(settings, provider),
        chance=lambda share: rng.random() < share,
    )
    return Parts(
        settings=settings,
        specs=specs,
        provider=provider,
        catalog=catalog,
        contexts=contexts,
        panel=build_panel(settings.judges, tools),
    )


def check_names(specs: Mapping[str, Spec], catalog: Catalog) -> None:
    """Raise `ConfigError` for a policy about a model that is not there, or a model that hides behind a policy."""
    models = [model.name for model in catalog.models]
    for name, spec in specs.items():
        if name in (PACER, PANEL, DRIFT):
            raise ConfigError(f"a policy is named {name!r}, which learns on its own account; give it another name")
        if name in models:
            raise ConfigError(f"a model and a policy are both named {name!r}; give one of them another name")
        if isinstance(spec, StaticSpec) and not spec.model.startswith("@") and spec.model not in models:
            raise ConfigError(f"policy {name!r} names the model {spec.model!r}; {did_you_mean(spec.model, models)}")


def load_catalog(settings: Settings, provider: LitellmProvider | None = None) -> Catalog:
    """Return the models of the settings with their prices; raise `ConfigError` when one has none."""
    return build_catalog(settings.models, (provider or LitellmProvider.load()).price)


def _judge_models(settings: Settings, provider: LitellmProvider) -> dict[str, list[Model]]:
    return {
        judge.label: [_grader(judge, entry, provider) for entry in judge.models]
        for judge in settings.judges
        if judge.models
    }


def _grader(judge: JudgeSettings, entry: GraderSettings, provider: LitellmProvider) -> Model:
    given = (entry.input_usd_per_million, entry.output_usd_per_million)
    listed = provider.price(entry.target)
    price_in, price_out = resolve_prices(name=judge.label, given=given, listed=listed)
    return Model(
        name=judge.label,
        target=entry.target,
        tier=0,
        input_usd_per_token=price_in,
        output_usd_per_token=price_out,
        api_base=entry.api_base,
        api_key_env=entry.api_key_env,
        timeout_s=judge.timeout_s,
        family=entry.family,
    )


def hints(judges: Sequence[JudgeSettings]) -> frozenset[str]:
    """Return the names of the judges whose scores go up with quality and are no estimate of it."""
    return frozenset(judge.label for judge in judges if judge.hints)


def rules(judges: Sequence[JudgeSettings]) -> frozenset[str]:
    """Return the names of the judges that check form and grade nothing."""
    return frozenset(judge.label for judge in judges if judge.kind == "rules")
