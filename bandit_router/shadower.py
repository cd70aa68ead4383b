"""Has an experiment's shadow arms answer off the path what the served ones were asked; it runs and compares nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from bandit_router.aside import Purse, Run, Runner
from bandit_router.errors import RouterError
from bandit_router.experiment.assign import policy_name
from bandit_router.experiment.history import Standing
from bandit_router.experiment.spec import ArmSpec, ExperimentSpec
from bandit_router.registry.catalog import Catalog
from bandit_router.router import Ask, Policies
from bandit_router.types import Decision, Outcome, Step

log = logging.getLogger(__name__)


class Spent(Protocol):
    """Adds up bills."""

    def of_arm(self, experiment: str, arm: str, moment: datetime, /) -> float:
        """Return the USD spent on an arm's runs since a moment; blocks."""


@dataclass(slots=True, kw_only=True)
class Shadower:
    """Told of each request that finished; every shadow that is called has a purse of its own within the service's."""

    found: Callable[[], Mapping[str, Standing]]
    """Every experiment by name."""
    catalog: Callable[[], Catalog]
    policies: Policies
    runner: Runner
    spent: Spent
    _purses: dict[tuple[str, str], Purse] = field(default_factory=dict)

    def __call__(self, ask: Ask, decision: Decision, outcome: Outcome, /) -> None:  # noqa: ARG002 (a Beside is told)
        """Offer a run for each shadow of the request's experiment that is to be called."""
        standing = self.found().get(decision.experiment or "")
        if standing is None or not standing.open:
            return
        drawn = {shadow.arm: shadow.step for shadow in decision.shadows}
        for arm in standing.spec.called:
            if arm.name in drawn:
                self._offer(standing.spec, arm, ask=ask, decision=decision, opening=drawn[arm.name])

    def _offer(self, spec: ExperimentSpec, arm: ArmSpec, *, ask: Ask, decision: Decision, opening: Step) -> None:
        try:
            policy = self.policies.get(policy_name(spec, arm))
        except RouterError as error:
            log.debug("shadow %s is not called beside %s: %s", arm.name, decision.id, error)
            return
        run = Run(
            kind="shadow",
            parent=decision,
            ask=ask,
            policy=policy,
            models=self.catalog().models,
            opening=opening,
            arm=arm.name,
            purse=self._purse(spec, arm),
        )
        self.runner.offer(run)

    def _purse(self, spec: ExperimentSpec, arm: ArmSpec) -> Purse:
        """Return the arm's own purse, the same one at every request."""
        purse = self._purses.get((spec.name, arm.name))
        if purse is None:
            spent = partial(self.spent.of_arm, spec.name, arm.name)
            purse = self._purses[spec.name, arm.name] = Purse(daily_usd=arm.budget_usd_per_day or 0.0, spent=spent)
        return purse
