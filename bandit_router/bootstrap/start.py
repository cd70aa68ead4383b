"""Settings become running services: every object is built here, once; nothing is decided here."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bandit_router.bootstrap.beside import Watcher, make_aside, make_lookback, make_prober, make_shadower
from bandit_router.bootstrap.gating import make_gate
from bandit_router.bootstrap.ids import new_id, now
from bandit_router.bootstrap.jobs import finding, make_life, make_schedule, reload, teaching
from bandit_router.bootstrap.judging import judge_watch
from bandit_router.bootstrap.learning import Learned, make_learner, retarget
from bandit_router.bootstrap.parts import Parts, make_parts
from bandit_router.bootstrap.services import Services
from bandit_router.bootstrap.stores import Stores
from bandit_router.cascade.run import Cascade
from bandit_router.conduct import Conduct
from bandit_router.judge.calibrate import NAME as PANEL
from bandit_router.policy.draw import draw
from bandit_router.registry.breaker import Breaker
from bandit_router.registry.guarded import Guarded
from bandit_router.registry.offered import Offered
from bandit_router.registry.watch_file import FileWatch
from bandit_router.reward.pacer import NAME as PACER
from bandit_router.router import Observer, Router
from bandit_router.settings import Settings
from bandit_router.steward import Steward
from bandit_router.trials import Trials


async def start(settings: Settings, observer: Watcher, *, config: Path | None = None) -> Services:
    """Build and start everything; raise `ConfigError` or `SchemaOutdated` before anything is served.

    `config` is the file whose models are read again when it changes.
    """
    parts = await make_parts(settings)
    stores = Stores.open(settings)
    learned = Learned.of(settings, Trials(stores.experiments, parts.specs), stores)
    offered = _offered(parts, stores)
    breaker = Breaker(**settings.breaker.model_dump(), clock=time.monotonic)
    learner = make_learner(settings, learned.trials, stores)
    learned.trials.changed = partial(retarget, settings, learned.policies, learner)
    steward = Steward(history=stores.experiments, journal=stores.events, turn=learner.leads, now=now)
    watch = judge_watch(settings, stores.engine, turn=learner.leads)
    file = FileWatch(config, partial(reload, config, parts.specs, offered)) if config else None
    router = _router(parts, stores, learned, offered=offered, breaker=breaker, observer=observer)
    aside = make_aside(parts, stores, router, observer)
    prober = make_prober(settings, stores, router, offered=offered, aside=aside)
    life = make_life(
        settings, stores, offered=offered, drifts=learned.drifts, learner=learner, prospects=prober.prospects
    )
    lookback = make_lookback(settings, stores, prober, aside=aside, learner=learner)
    router.beside = (prober, make_shadower(stores, learned.trials, router, aside=aside))
    schedule = make_schedule(
        refreshes=[*_refreshes(learned, offered, file), prober.refresh],
        forget=lookback.forget,
        teaching=teaching(
            settings,
            learner=learner,
            gate=make_gate(settings, learned.trials, stores, turn=learner.leads),
            life=life,
            watch=watch,
            steward=steward,
            finding=finding(parts, offered, learner=learner),
            lookback=lookback,
        ),
    )
    schedule.start()
    return Services(
        parts=parts,
        stores=stores,
        learned=learned,
        offered=offered,
        breaker=breaker,
        file=file,
        router=router,
        aside=aside,
        learner=learner,
        steward=steward,
        watch=watch,
        schedule=schedule,
    )


def conduct(services: Services) -> Conduct:
    """Return what people do with the experiments of a running service."""
    stores = services.stores
    return Conduct(
        history=stores.experiments,
        journal=stores.events,
        policies=tuple(services.parts.specs),
        categories=lambda: services.parts.contexts.categories,
        keys=stores.keys.names,
        now=now,
        watched=services.steward.report,
    )


def _offered(parts: Parts, stores: Stores) -> Offered:
    """Return the models on offer, with those that router.toml names entered."""
    settings = parts.settings
    probed = settings.aside.probe_usd_per_day > 0
    offered = Offered(
        settings.models,
        prices=parts.provider.price,
        records=stores.roster,
        probed=probed,
        taken=parts.specs.keys(),
        follows=settings.discovery.prices is not None,
    )
    offered.introduce(now())
    return offered


def _refreshes(learned: Learned, offered: Offered, file: FileWatch | None) -> list[Callable[[], object]]:
    """Return what looks for news in every process."""
    news = [learned.refresh_policies, learned.dial.refresh, learned.calibrators.refresh, learned.drifts.refresh]
    return [*news, offered.refresh, *([file.look] if file else [])]


def _router(
    parts: Parts, stores: Stores, learned: Learned, *, offered: Offered, breaker: Breaker, observer: Observer
) -> Router:
    settings = parts.settings
    return Router(
        contexts=parts.contexts,
        catalog=lambda: offered.catalog,
        admitted=breaker.admitted,
        policies=learned.policies,
        cascade=_cascade(parts, learned, breaker),
        log=stores.log,
        observer=observer,
        limits=settings.cascade,
        default_policy=settings.policies.default,
        value_usd=lambda: learned.dial.get(PACER).value_usd,
        value_s=settings.reward.value_s,
        judge_cost_usd=lambda: parts.panel.expected_cost_usd,
        now=now,
        new_id=new_id,
        experiments=learned.trials,
    )


def _cascade(parts: Parts, learned: Learned, breaker: Breaker) -> Cascade:
    rng = random.Random()
    return Cascade(
        provider=Guarded(parts.provider, breaker),
        panel=parts.panel,
        draw=lambda pmf: draw(pmf, rng.random()),
        chance=lambda probability: rng.random() < probability,
        clock=time.monotonic,
        calibrate=lambda judgement, /, **asked: learned.calibrators.get(PANEL).quality(judgement, **asked),
    )
