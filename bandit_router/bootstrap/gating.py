"""How a new version of a policy is compared with the one that serves, on what the service decided of late."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Engine

from bandit_router.bootstrap.ids import now
from bandit_router.bootstrap.stores import Stores
from bandit_router.gate import Gate
from bandit_router.judge.calibrate import NAME as PANEL
from bandit_router.policy.load import closure, learning_names, load_specs, spec_hash
from bandit_router.policy.spec import Spec
from bandit_router.registry.drift import NAME as DRIFT
from bandit_router.replay.compare import Comparison, compare
from bandit_router.replay.export import logged
from bandit_router.replay.taken import chosen
from bandit_router.replay.targets import Target
from bandit_router.reward.pacer import NAME as PACER
from bandit_router.settings import Settings
from bandit_router.store.events import Events
from bandit_router.store.promotions import Promotions
from bandit_router.store.roster import Roster
from bandit_router.store.versions import Versions
from bandit_router.switch import Switch
from bandit_router.trials import Trials
from bandit_router.types import Version

_BREATH_S: Final = 0.0002
"""After each decision replayed the interpreter is left to requests: none waits longer than for one of them."""


@dataclass(frozen=True, slots=True)
class Recent:
    """The last `count` requests of users."""

    events: Events
    roster: Roster
    count: int
    specs: Callable[[], Mapping[str, Spec]]

    def start(self) -> int:
        """Return the cursor past which they finished."""
        return self.events.tail(self.count)

    def last_change(self) -> int:
        """Return the seq of the last change of a model among them, 0 when there was none."""
        return self.roster.last_change(self.start())

    def deciding(self) -> frozenset[str]:
        """Return the policies by which any of them was decided, those within others included."""
        specs = self.specs()
        named = self.events.deciding(self.start()) & specs.keys()
        return frozenset(part for name in named for part in closure(name, specs))


def make_gate(settings: Settings, trials: Trials, stores: Stores, *, turn: Callable[[], bool]) -> Gate:
    """Return what decides which versions of the policies serve; `turn` says whether this process is to."""
    served = stores.served(gated=True)
    recent = Recent(stores.events, stores.roster, settings.learner.gate, lambda: trials.specs)

    def hashes() -> Mapping[str, str]:
        return {name: spec_hash(trials.specs[name]) for name in learning_names(trials.specs)}

    def compared(candidate: Version, serving: Version) -> Comparison:
        name, specs = candidate.policy, trials.specs
        change = recent.last_change()
        parts = {part: specs[part] for part in closure(name, specs)}
        others = {part: found for part in learning_names(parts) if part != name and (found := served.latest(part))}
        records = logged(stores.events, cursor=change or recent.start())
        outcome = compare(
            _target(name, parts, {**others, name: candidate}),
            _target(name, parts, {**others, name: serving}),
            chosen(records),
            max_attempts=settings.cascade.max_attempts,
            breathe=lambda: time.sleep(_BREATH_S),
        )
        return replace(outcome, why=f"{outcome.why} since a model changed") if change and outcome.why else outcome

    return Gate(
        hashes=hashes,
        versions=stores.versions,
        promotions=stores.promotions,
        recent=recent,
        replay=compared,
        turn=turn,
        now=now,
        clock=time.monotonic,
        effort=time.thread_time,
    )


def make_switch(settings: Settings, engine: Engine) -> Switch:
    """Return what people roll back and release with; what is no policy passes no gate."""
    versions, apart = Versions(engine), (PACER, PANEL, DRIFT)
    return Switch(
        versions=versions,
        promotions=Promotions(engine),
        gated=lambda: frozenset(versions.numbers()).difference(apart) if settings.learner.gate else frozenset(),
        named=lambda: (*load_specs(settings.policies.dir), *apart),
        now=now,
    )


def _target(name: str, specs: Mapping[str, Spec], versions: Mapping[str, Version]) -> Target:
    return Target(name=name, kind=specs[name].kind, specs=specs, versions=versions)
