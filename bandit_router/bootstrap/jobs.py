"""What a running service does by the clock."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from bandit_router.bootstrap.ids import now
from bandit_router.bootstrap.parts import Parts, check_names
from bandit_router.bootstrap.stores import Stores
from bandit_router.gate import Gate
from bandit_router.judge.watch import Watch
from bandit_router.learner import Learner, Schedule
from bandit_router.live import Live
from bandit_router.lookback import EVERY_S as LOOKBACK_S
from bandit_router.lookback import Lookback
from bandit_router.policy.load import PINNED
from bandit_router.policy.spec import Spec
from bandit_router.providers.listing import list_models
from bandit_router.providers.price_list import fetch_price_list, list_price
from bandit_router.registry.catalog import build_catalog
from bandit_router.registry.discover import Discovery, Endpoint
from bandit_router.registry.drift import NAME as DRIFT
from bandit_router.registry.drift import Drift
from bandit_router.registry.life import EVERY_S as LIFE_S
from bandit_router.registry.life import Life, Probation
from bandit_router.registry.offered import Offered
from bandit_router.registry.reprice import Repricing
from bandit_router.registry.webhook import tell
from bandit_router.settings import Settings, load_settings
from bandit_router.steward import Steward
from bandit_router.types import ListPrice, ModelEvent, Prospect

REFRESH_S = 0.5
STEWARD_S = 2.0
FORGET_S = 60.0

Job = tuple[Callable[[], object], float]
"""What is done, and every how many seconds."""


def make_life(
    settings: Settings,
    stores: Stores,
    *,
    offered: Offered,
    drifts: Live[Drift],
    learner: Learner,
    prospects: Callable[[str], Sequence[Prospect]],
) -> Life:
    """Return what follows models through their lives and tells the webhook."""
    probing = settings.probing
    probation = Probation(
        probes=probing.probes,
        manual=probing.approve == "manual",
        comparisons=stores.probes.comparisons,
        quiet=partial(stores.probes.quiet, but=PINNED),
        daily_usd=settings.aside.probe_usd_per_day,
        spent=partial(stores.spending.since, "probe"),
        prospects=prospects,
    )
    return Life(
        offered=offered,
        drift=lambda: drifts.get(DRIFT),
        turn=learner.leads,
        tell=_teller(settings),
        now=now,
        probation=probation if offered.probed else None,
    )


def reload(config: Path, specs: Mapping[str, Spec], offered: Offered) -> None:
    """Take up the models of router.toml as it is now; raise `ConfigError` and change nothing."""
    settings = load_settings(config)
    check_names(specs, build_catalog(settings.models, offered.price))
    offered.reload(settings.models, now=now())


def _teller(settings: Settings) -> Callable[[ModelEvent], None]:
    url = settings.drift.webhook
    return partial(tell, url) if url else lambda _event: None


def make_schedule(
    *, refreshes: Sequence[Callable[[], object]], forget: Callable[[], object], teaching: Mapping[str, Job]
) -> Schedule:
    """Return the clock of a service: `refreshes` and `forget` everywhere, `teaching` where something may be learned."""
    looking = {f"refresh {number}": (refresh, REFRESH_S) for number, refresh in enumerate(refreshes)}
    return Schedule({**looking, "forget": (forget, FORGET_S), **teaching})


def finding(parts: Parts, offered: Offered, *, learner: Learner) -> dict[str, Job]:
    """Return the jobs that find models that nobody has named, and prices that changed; neither where it is off."""
    settings = parts.settings.discovery
    prices = {"prices": (make_repricing(parts, offered, learner=learner).look, settings.interval_s)}
    models = {"discover": (make_discovery(parts, offered, learner=learner).look, settings.interval_s)}
    return {**(prices if settings.prices else {}), **(models if settings.allow else {})}


def make_repricing(parts: Parts, offered: Offered, *, learner: Learner) -> Repricing:
    """Return what follows the public price list."""
    provider, where = parts.provider, parts.settings.discovery.prices

    def fetched() -> Callable[[str], ListPrice | None]:
        url = provider.price_list_url if where in (None, "litellm") else where
        return partial(list_price, fetch_price_list(url))

    return Repricing(offered=offered, fetched=fetched, turn=learner.leads, tell=_teller(parts.settings), now=now)


def make_discovery(parts: Parts, offered: Offered, *, learner: Learner) -> Discovery:
    """Return what finds models that nobody has named."""
    provider = parts.provider

    def listed(endpoint: Endpoint) -> Sequence[str] | None:
        where = {"api_base": endpoint.api_base, "api_key_env": endpoint.api_key_env}
        return list_models(endpoint.provider, **where, environ=os.environ)

    return Discovery(
        offered=offered,
        patterns=parts.settings.discovery.allow,
        listed=listed,
        chats=provider.chats,
        taken=lambda: tuple(parts.specs),
        turn=learner.leads,
        now=now,
    )


def teaching(
    settings: Settings,
    *,
    learner: Learner,
    gate: Gate,
    life: Life,
    watch: Watch,
    steward: Steward,
    finding: Mapping[str, Job],
    lookback: Lookback,
) -> dict[str, Job]:
    """Return the jobs of the process that leads; none where learning is off."""
    if not settings.learner.enabled:
        return {}
    gating = {"gate": (gate.tick_safely, settings.learner.interval_s)} if settings.learner.gate else {}
    looking = {"lookback": (lookback.tick, LOOKBACK_S)} if lookback.keep else {}
    return {
        **finding,
        **looking,
        "learn": (learner.tick_safely, settings.learner.interval_s),
        **gating,
        "life": (life.tick, LIFE_S),
        "watch": (watch.look_safely, settings.bias.interval_s),
        "experiments": (steward.tick_safely, STEWARD_S),
    }
