"""What a service does beside users' requests."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Protocol, get_args

from bandit_router.aside import Aside, AsideObserver, Purse
from bandit_router.bootstrap.ids import new_id, now
from bandit_router.bootstrap.parts import Parts
from bandit_router.bootstrap.stores import Stores
from bandit_router.learner import Learner
from bandit_router.lookback import Lookback
from bandit_router.prober import Prober
from bandit_router.registry.offered import Offered
from bandit_router.router import Observer, Router
from bandit_router.settings import Settings
from bandit_router.shadower import Shadower
from bandit_router.trials import Trials
from bandit_router.types import AsideKind


class Watcher(Observer, AsideObserver, Protocol):
    """Told of requests, and of what is run beside them."""


def make_aside(parts: Parts, stores: Stores, router: Router, observer: AsideObserver) -> Aside:
    """Return what answers beside users' requests, with their router's own cascade and judges."""
    settings = parts.settings.aside
    daily_usd: dict[AsideKind, float] = {
        "probe": settings.probe_usd_per_day,
        "shadow": settings.shadow_usd_per_day,
    }
    return Aside(
        plan=router.plan,
        # Its failures and successes are its own: they open and close no circuit of the users'.
        cascade=replace(router.cascade, provider=parts.provider),
        log=stores.log,
        purses={
            kind: Purse(daily_usd=daily_usd[kind], spent=partial(stores.spending.since, kind))
            for kind in get_args(AsideKind)
        },
        concurrency=settings.concurrency,
        observer=observer,
        now=now,
        new_id=new_id,
    )


def make_prober(settings: Settings, stores: Stores, router: Router, *, offered: Offered, aside: Aside) -> Prober:
    """Return what picks the requests that newcomers are probed with."""
    return Prober(
        offered=offered,
        runner=aside,
        plan=router.plan,
        policies=router.policies,
        default_policy=settings.policies.default,
        probes=settings.probing.probes,
        counts=stores.probes.counts,
        pick=random.Random().randrange,
        clock=time.monotonic,
    )


def make_lookback(settings: Settings, stores: Stores, prober: Prober, *, aside: Aside, learner: Learner) -> Lookback:
    """Return what has models probed with requests that are kept; to be called within the running event loop."""
    loop = asyncio.get_running_loop()
    return Lookback(
        prober=prober,
        kept=stores.recent,
        account=stores.events.decision,
        purse=aside.purses["probe"],
        keep=timedelta(hours=settings.probing.stored_hours),
        turn=learner.leads,
        now=now,
        clock=time.monotonic,
        sample=random.Random().sample,
        on_loop=lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(),
    )


def make_shadower(stores: Stores, trials: Trials, router: Router, *, aside: Aside) -> Shadower:
    """Return what has the shadows of experiments answer."""
    return Shadower(
        found=lambda: trials.found,
        catalog=router.catalog,
        policies=router.policies,
        runner=aside,
        spent=stores.spending,
    )
