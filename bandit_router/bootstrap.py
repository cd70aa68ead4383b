"""Settings become running services: every object is built here, once; nothing is decided here."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from bandit_router.cascade.run import Cascade
from bandit_router.conduct import Conduct
from bandit_router.context.build import Builder, load_builder
from bandit_router.errors import ConfigError, CorruptArtifact, UnknownPolicy, did_you_mean
from bandit_router.judge.build import Tools, build_panel
from bandit_router.judge.calibrate import FORMAT as CALIBRATION
from bandit_router.judge.calibrate import NAME as PANEL
from bandit_router.judge.calibrate import Calibrator
from bandit_router.judge.family import maker_of
from bandit_router.judge.panel import Panel
from bandit_router.judge.unsure import Unsure
from bandit_router.judge.watch import Watch
from bandit_router.learner import Learner, Schedule
from bandit_router.live import Live
from bandit_router.policy.draw import draw
from bandit_router.policy.load import build, learning_names, load_specs, spec_hash
from bandit_router.policy.spec import Spec, StaticSpec
from bandit_router.protocols import LearningPolicy, Policy, Pupil
from bandit_router.providers.litellm import LitellmProvider
from bandit_router.registry.breaker import Breaker
from bandit_router.registry.catalog import Catalog, build_catalog, resolve_prices
from bandit_router.registry.drift import FORMAT as DRIFTING
from bandit_router.registry.drift import NAME as DRIFT
from bandit_router.registry.drift import Drift
from bandit_router.registry.guarded import Guarded
from bandit_router.registry.life import EVERY_S as LIFE_S
from bandit_router.registry.life import Life
from bandit_router.registry.offered import Offered
from bandit_router.registry.watch_file import FileWatch
from bandit_router.registry.webhook import post
from bandit_router.reward.feedback import combine
from bandit_router.reward.pacer import NAME as PACER
from bandit_router.reward.pacer import Pacer
from bandit_router.reward.utility import reward
from bandit_router.router import Observer, Router
from bandit_router.settings import GraderSettings, JudgeSettings, ModelSettings, RewardSettings, Settings, load_settings
from bandit_router.steward import Steward
from bandit_router.store.append import Queueing
from bandit_router.store.events import Events
from bandit_router.store.experiments import ExperimentEvents
from bandit_router.store.keys import Keys
from bandit_router.store.leases import Leases
from bandit_router.store.log import Log
from bandit_router.store.reviews import Reviews
from bandit_router.store.roster import Roster
from bandit_router.store.session import check_schema, open_engine
from bandit_router.store.versions import Versions
from bandit_router.trials import Trials
from bandit_router.types import Model, Version

REFRESH_S = 0.5
STEWARD_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a running service consists of."""

    settings: Settings
    engine: Engine
    provider: LitellmProvider
    offered: Offered
    roster: Roster
    drifts: Live[Drift]
    breaker: Breaker
    file: FileWatch | None
    specs: Mapping[str, Spec]
    contexts: Builder
    panel: Panel
    policies: Live[Policy]
    calibrators: Live[Calibrator]
    router: Router
    log: Log
    events: Events
    versions: Versions
    keys: Keys
    reviews: Reviews
    learner: Learner
    trials: Trials
    steward: Steward
    watch: Watch
    schedule: Schedule

    @property
    def catalog(self) -> Catalog:
        """The models on offer right now."""
        return self.offered.catalog

    @property
    def drift(self) -> Drift:
        """What has been learned of how models change."""
        return self.drifts.get(DRIFT)

    async def close(self) -> None:
        """Stop the jobs, drain the log and let go of the lease and of connections."""
        await asyncio.to_thread(self.schedule.stop)
        await asyncio.to_thread(self.learner.close)
        await asyncio.to_thread(self.log.close)
        await self.provider.aclose()
        self.engine.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What is made of settings alone, before a database is needed."""

    specs: Mapping[str, Spec]
    provider: LitellmProvider
    catalog: Catalog
    contexts: Builder
    panel: Panel


async def check(settings: Settings) -> None:
    """Build all that can be wrong in the settings, and look at the database; raise `ConfigError`, `SchemaOutdated`."""
    parts = await _parts(settings)
    engine = open_engine(settings.store.url)
    try:
        check_schema(engine)
    finally:
        engine.dispose()
        await parts.provider.aclose()


async def _parts(settings: Settings) -> _Parts:
    specs = load_specs(settings.policies.dir)
    if settings.policies.default not in specs:
        raise ConfigError(f"[policies] default: {UnknownPolicy(settings.policies.default, specs)}")
    provider = await asyncio.to_thread(LitellmProvider.load)
    catalog = load_catalog(settings, provider)
    _check_names(specs, catalog)
    contexts, rng = await load_builder(settings.context, hosted=provider.embed), random.Random()
    tools = Tools(
        provider=provider,
        embedder=contexts.embedder,
        models=_judge_models(settings, provider),
        chance=lambda share: rng.random() < share,
    )
    return _Parts(
        specs=specs,
        provider=provider,
        catalog=catalog,
        contexts=contexts,
        panel=build_panel(settings.judges, tools),
    )


def _check_names(specs: Mapping[str, Spec], catalog: Catalog) -> None:
    """Raise `ConfigError` for a policy about a model that is not there, or a model that hides behind a policy."""
    models = [model.name for model in catalog.models]
    for name, spec in specs.items():
        if name in (PACER, PANEL, DRIFT):
            raise ConfigError(f"a policy is named {name!r}, which learns on its own account; give it another name")
        if name in models:
            raise ConfigError(f"a model and a policy are both named {name!r}; give one of them another name")
        if isinstance(spec, StaticSpec) and not spec.model.startswith("@") and spec.model not in models:
            raise ConfigError(f"policy {name!r} names the model {spec.model!r}; {did_you_mean(spec.model, models)}")


async def start(settings: Settings, observer: Observer, *, config: Path | None = None) -> Services:
    """Build and start everything; raise `ConfigError` or `SchemaOutdated` before anything is served.

    `config` is the file whose models are read again when it changes.
    """
    parts = await _parts(settings)
    specs, provider, panel = parts.specs, parts.provider, parts.panel
    engine = open_engine(settings.store.url)
    check_schema(engine)
    versions, events = Versions(engine), Events(engine, combine=combine)
    log = Log(engine, log_text=settings.store.log_text, queueing=_queueing(settings))
    trials = Trials(ExperimentEvents(engine), specs)
    trials.refresh()
    policies = Live(
        learning=learning_names(trials.specs), versions=versions, build=partial(build, trials.specs, reward=reward)
    )
    dial = Live(learning=[PACER], versions=versions, build=partial(_dial, settings.reward))
    calibrators = Live(learning=[PANEL], versions=versions, build=partial(_calibrators, settings.judges))
    drifts = Live(learning=[DRIFT], versions=versions, build=_drifts)
    roster = Roster(engine)
    offered = Offered(settings.models, prices=provider.price, records=roster)
    offered.introduce(_now())
    rng, breaker = random.Random(), Breaker(**settings.breaker.model_dump(), clock=time.monotonic)
    cascade = Cascade(
        provider=Guarded(provider, breaker),
        panel=panel,
        draw=lambda pmf: draw(pmf, rng.random()),
        chance=lambda probability: rng.random() < probability,
        clock=time.monotonic,
        calibrate=lambda judgement, /, **asked: calibrators.get(PANEL).quality(judgement, **asked),
    )
    router = Router(
        contexts=parts.contexts,
        catalog=lambda: offered.catalog,
        admitted=breaker.admitted,
        policies=policies,
        cascade=cascade,
        log=log,
        observer=observer,
        limits=settings.cascade,
        default_policy=settings.policies.default,
        value_usd=lambda: dial.get(PACER).value_usd,
        value_s=settings.reward.value_s,
        judge_cost_usd=lambda: panel.expected_cost_usd,
        now=_now,
        new_id=new_id,
        experiments=trials,
    )
    learner = _learner(settings, trials, engine, source=events, versions=versions)
    trials.changed = partial(_retarget, settings, policies, learner)
    steward = Steward(history=ExperimentEvents(engine), journal=events, turn=learner.leads, now=_now)
    watch = judge_watch(settings, engine, turn=learner.leads)
    file = FileWatch(config, partial(_reload, config, specs, offered)) if config else None
    refreshes: list[Callable[[], object]] = [partial(_refresh, trials, policies), dial.refresh, calibrators.refresh]
    refreshes += [drifts.refresh, offered.refresh, *([file.look] if file else [])]
    life = _life(settings, offered, drifts, learner)
    schedule = Schedule(_jobs(settings, learner, watch, life, refreshes) | _stewarding(settings, steward))
    schedule.start()
    return Services(
        settings=settings,
        engine=engine,
        provider=provider,
        offered=offered,
        roster=roster,
        drifts=drifts,
        breaker=breaker,
        file=file,
        specs=specs,
        contexts=parts.contexts,
        panel=panel,
        policies=policies,
        calibrators=calibrators,
        router=router,
        log=log,
        events=events,
        versions=versions,
        keys=Keys(engine),
        reviews=Reviews(engine, log_text=settings.store.log_text),
        learner=learner,
        trials=trials,
        steward=steward,
        watch=watch,
        schedule=schedule,
    )


def conduct(services: Services) -> Conduct:
    """Return what people do with the experiments of a running service."""
    return Conduct(
        history=ExperimentEvents(services.engine), journal=services.events, policies=tuple(services.specs), now=_now
    )


def load_catalog(settings: Settings, provider: LitellmProvider | None = None) -> Catalog:
    """Return the models of the settings with their prices; raise `ConfigError` when one has none."""
    return build_catalog(settings.models, (provider or LitellmProvider.load()).price)


def judge_watch(settings: Settings, engine: Engine, *, turn: Callable[[], bool] = lambda: True) -> Watch:
    """Return what reports on the judges from the log of a database; `turn` says whether this process is to look."""
    versions, bias = Versions(engine), settings.bias

    def weights() -> Mapping[str, float]:
        version = versions.latest(PANEL)
        return _calibrators(settings.judges, {PANEL: version} if version else {})[PANEL].weights

    return Watch(
        source=Events(engine, combine=combine),
        weights=weights,
        families=_families(settings.models),
        limits={"length": bias.length_limit, "family": bias.family_limit, "order": bias.order_limit},
        turn=turn,
    )


def _families(models: Sequence[ModelSettings]) -> dict[str, str]:
    """Return each model's family; one that fuses is of that which it is called through."""
    named = {model.name: model for model in models}
    called = {model.name: named[model.through or model.name] for model in models}
    return {name: named[name].family or by.family or maker_of(by.target) for name, by in called.items()}


def _rules(judges: Sequence[JudgeSettings]) -> frozenset[str]:
    """Return the names of the judges that check form and grade nothing."""
    return frozenset(judge.label for judge in judges if judge.kind == "rules")


def new_id() -> str:
    """Return a fresh id that sorts by time: 48 bits of milliseconds, then 80 random bits, in hex.

    >>> len(new_id())
    32
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def _learner(settings: Settings, trials: Trials, engine: Engine, *, source: Events, versions: Versions) -> Learner:
    def load(name: str, version: Version | None) -> Pupil:
        found = {name: version} if version else {}
        if name == PACER:
            return _dial(settings.reward, found)[PACER]
        if name == PANEL:
            return _calibrators(settings.judges, found)[PANEL]
        if name == DRIFT:
            return _drifts(found)[DRIFT]
        policy = build(trials.specs, found, reward=reward)[name]
        if not isinstance(policy, LearningPolicy):
            raise CorruptArtifact(f"policy {name!r} does not learn")
        return policy

    return Learner(
        spec_hashes=_taught(settings, trials.specs),
        load=load,
        source=source,
        versions=versions,
        leases=Leases(engine),
        holder=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
        now=_now,
        batch=settings.learner.batch,
        keep_versions=settings.learner.keep_versions,
        from_head=frozenset({PACER}),
    )


def _taught(settings: Settings, specs: Mapping[str, Spec]) -> Mapping[str, str]:
    """Return all that learns, with a hash of what its state depends on."""
    paced = {PACER: PACER} if settings.reward.budget_usd else {}
    return (
        {name: spec_hash(specs[name]) for name in learning_names(specs)} | paced | {PANEL: CALIBRATION, DRIFT: DRIFTING}
    )


def _retarget(settings: Settings, policies: Live[Policy], learner: Learner, specs: Mapping[str, Spec]) -> None:
    """Serve and teach the policies there are now."""
    policies.retarget(learning_names(specs), partial(build, specs, reward=reward))
    learner.retarget(_taught(settings, specs))


def _refresh(trials: Trials, policies: Live[Policy]) -> None:
    """Take in what changed of the experiments, then what has been learned: one after the other, as both swap."""
    trials.refresh()
    policies.refresh()


def _stewarding(settings: Settings, steward: Steward) -> dict[str, tuple[Callable[[], object], float]]:
    return {"experiments": (steward.tick_safely, STEWARD_S)} if settings.learner.enabled else {}


def _queueing(settings: Settings) -> Queueing | None:
    """Return what queues answers for review; None where that is off."""
    review = settings.review
    if not review.enabled:
        return None
    why = Unsure(
        audit_share=review.audit_share,
        disagreement=review.disagreement,
        margin=review.margin,
        rules=_rules(settings.judges),
    )
    return Queueing(why=why, daily_limit=review.daily_limit, reviewers=review.reviewers)


def _dial(settings: RewardSettings, found: Mapping[str, Version]) -> Mapping[str, Pacer]:
    """Return the dial: paced by its newest version where there is a budget, else fixed."""
    artifact = found[PACER].artifact if settings.budget_usd and PACER in found else None
    budget_usd = settings.budget_usd or 1.0
    return {PACER: Pacer(budget_usd=budget_usd, start_usd=settings.value_usd, artifact=artifact)}


def _calibrators(judges: Sequence[JudgeSettings], found: Mapping[str, Version]) -> Mapping[str, Calibrator]:
    """Return what the panel's verdicts are worth by its newest version."""
    return {PANEL: Calibrator(rules=_rules(judges), artifact=found[PANEL].artifact if PANEL in found else None)}


def _drifts(found: Mapping[str, Version]) -> Mapping[str, Drift]:
    """Return what is known of how models change by its newest version."""
    return {DRIFT: Drift(found[DRIFT].artifact if DRIFT in found else None)}


def _life(settings: Settings, offered: Offered, drifts: Live[Drift], learner: Learner) -> Life:
    url = settings.drift.webhook
    return Life(
        offered=offered,
        drift=lambda: drifts.get(DRIFT),
        turn=learner.leads,
        tell=partial(post, url) if url else lambda _event: None,
        now=_now,
    )


def _reload(config: Path, specs: Mapping[str, Spec], offered: Offered) -> None:
    """Take up the models of router.toml as it is now; raise `ConfigError` and change nothing."""
    settings = load_settings(config)
    _check_names(specs, build_catalog(settings.models, offered.prices))
    offered.reload(settings.models, now=_now())


def _jobs(
    settings: Settings, learner: Learner, watch: Watch, life: Life, refreshes: Sequence[Callable[[], object]]
) -> dict[str, tuple[Callable[[], object], float]]:
    jobs: dict[str, tuple[Callable[[], object], float]] = {
        f"refresh {number}": (refresh, REFRESH_S) for number, refresh in enumerate(refreshes)
    }
    if settings.learner.enabled:
        jobs["learn"] = (learner.tick_safely, settings.learner.interval_s)
        jobs["life"] = (life.tick, LIFE_S)
        jobs["watch"] = (watch.look_safely, settings.bias.interval_s)
    return jobs


def _now() -> datetime:
    return datetime.now(UTC)


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
