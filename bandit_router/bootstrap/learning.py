"""What learns in a service, and from which version each goes on."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from bandit_router.bootstrap.ids import now
from bandit_router.bootstrap.parts import hints, rules
from bandit_router.bootstrap.stores import Stores
from bandit_router.errors import CorruptArtifact
from bandit_router.judge.calibrate import FORMAT as CALIBRATION
from bandit_router.judge.calibrate import NAME as PANEL
from bandit_router.judge.calibrate import Calibrator
from bandit_router.learner import Learner
from bandit_router.live import Live
from bandit_router.policy.load import build, learning_names, spec_hash
from bandit_router.policy.spec import Spec
from bandit_router.protocols import LearningPolicy, Policy, Pupil
from bandit_router.registry.drift import FORMAT as DRIFTING
from bandit_router.registry.drift import NAME as DRIFT
from bandit_router.registry.drift import Drift
from bandit_router.reward.pacer import NAME as PACER
from bandit_router.reward.pacer import Pacer
from bandit_router.reward.utility import reward
from bandit_router.settings import JudgeSettings, RewardSettings, Settings
from bandit_router.store.leases import Leases
from bandit_router.store.lessons import Lessons
from bandit_router.trials import Trials
from bandit_router.types import Version

T = TypeVar("T")


def make_dial(settings: RewardSettings, found: Mapping[str, Version]) -> Mapping[str, Pacer]:
    """Return the dial: paced by its newest version where there is a budget, else fixed."""
    artifact = found[PACER].artifact if settings.budget_usd and PACER in found else None
    budget_usd = settings.budget_usd or 1.0
    return {PACER: Pacer(budget_usd=budget_usd, start_usd=settings.value_usd, artifact=artifact)}


def make_calibrators(judges: Sequence[JudgeSettings], found: Mapping[str, Version]) -> Mapping[str, Calibrator]:
    """Return what the panel's verdicts are worth by its newest version."""
    artifact = found[PANEL].artifact if PANEL in found else None
    return {PANEL: Calibrator(rules=rules(judges), hints=hints(judges), artifact=artifact)}


def make_drifts(found: Mapping[str, Version]) -> Mapping[str, Drift]:
    """Return what is known of how models change by its newest version."""
    return {DRIFT: Drift(found[DRIFT].artifact if DRIFT in found else None)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What is served of all that learns, and the experiments that say which policies there are."""

    trials: Trials
    policies: Live[Policy]
    dial: Live[Pacer]
    calibrators: Live[Calibrator]
    drifts: Live[Drift]

    @classmethod
    def of(cls, settings: Settings, trials: Trials, stores: Stores) -> Learned:
        """Serve of each policy the version that the gate let through, and of all else the newest."""
        trials.refresh()
        specs, newest = trials.specs, stores.served(gated=False)
        through = stores.served(gated=settings.learner.gate > 0)
        policies = partial(build, specs, reward=reward)

        def live(name: str, make: Callable[[Mapping[str, Version]], Mapping[str, T]]) -> Live[T]:
            return Live(learning=[name], versions=newest, build=make)

        return cls(
            trials=trials,
            policies=Live(learning=learning_names(specs), versions=through, build=policies),
            dial=live(PACER, partial(make_dial, settings.reward)),
            calibrators=live(PANEL, partial(make_calibrators, settings.judges)),
            drifts=live(DRIFT, make_drifts),
        )

    def refresh_policies(self) -> None:
        """Take in what changed of the experiments, then what has been learned: one after the other, as both swap."""
        self.trials.refresh()
        self.policies.refresh()


def make_learner(settings: Settings, trials: Trials, stores: Stores) -> Learner:
    """Return what learns from the journal and publishes versions; it and `trials` keep step."""

    def load(name: str, version: Version | None) -> Pupil:
        found = {name: version} if version else {}
        if name == PACER:
            return make_dial(settings.reward, found)[PACER]
        if name == PANEL:
            return make_calibrators(settings.judges, found)[PANEL]
        if name == DRIFT:
            return make_drifts(found)[DRIFT]
        policy = build(trials.specs, found, reward=reward)[name]
        if not isinstance(policy, LearningPolicy):
            raise CorruptArtifact(f"policy {name!r} does not learn")
        return policy

    return Learner(
        spec_hashes=taught(settings, trials.specs),
        load=load,
        source=Lessons(stores.events),
        versions=stores.versions,
        leases=Leases(stores.engine),
        holder=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
        now=now,
        batch=settings.learner.batch,
        keep_versions=settings.learner.keep_versions,
        from_head=frozenset({PACER}),
    )


def taught(settings: Settings, specs: Mapping[str, Spec]) -> Mapping[str, str]:
    """Return all that learns, with a hash of what its state depends on."""
    paced = {PACER: PACER} if settings.reward.budget_usd else {}
    return (
        {name: spec_hash(specs[name]) for name in learning_names(specs)} | paced | {PANEL: CALIBRATION, DRIFT: DRIFTING}
    )


def retarget(settings: Settings, policies: Live[Policy], learner: Learner, specs: Mapping[str, Spec]) -> None:
    """Serve and teach the policies there are now."""
    policies.retarget(learning_names(specs), partial(build, specs, reward=reward))
    learner.retarget(taught(settings, specs))
