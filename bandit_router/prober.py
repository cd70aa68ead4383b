"""Picks the requests that newcomers and changed models are probed with; it answers none of them and concludes nothing.

A request is picked where the model could change the decision: where the reward that the policy in charge predicts of
it, with what is not known of it added, comes up to that of the best model.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from bandit_router.aside import Run, Runner
from bandit_router.errors import RouterError, StoreUnavailable
from bandit_router.policy.load import PINNED
from bandit_router.policy.probe import Probe, expected
from bandit_router.registry.lifecycle import to_probe
from bandit_router.registry.offered import Offered
from bandit_router.registry.probation import LOOKS, TRIES, could_win
from bandit_router.router import Ask, Planner, Policies
from bandit_router.types import Decision, Model, Outcome, Prospect, State

log = logging.getLogger(__name__)

AGAIN: Final = 30
"""Probes of a model that was let in before and has changed."""
REMEMBERED: Final = 500
"""Requests looked at for each newcomer."""
LONGEST_WAIT_S: Final = 60.0
"""After a call that failed the next waits for 2 s, then for twice as long each time, up to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A probe that is worth its price."""

    model: Model
    price: float
    """In USD, judges included, as expected."""
    predicted: Mapping[str, float] = field(default_factory=dict)
    """As `Probe` logs it."""


@dataclass(slots=True, kw_only=True)
class Prober:
    """Told of each request that was answered; `counts` says how often models were probed since, and blocks."""

    offered: Offered
    runner: Runner
    plan: Planner
    policies: Policies
    default_policy: str
    probes: int
    """How many probes of a newcomer are to be compared."""
    counts: Callable[[Mapping[str, datetime]], Mapping[str, int]]
    pick: Callable[[int], int]
    """Returns one of so many places at random."""
    clock: Callable[[], float]
    _made: Mapping[str, int] = field(default_factory=dict)
    _offered_since: dict[str, int] = field(default_factory=dict)
    _failed: dict[str, tuple[int, float]] = field(default_factory=dict)
    """How many probes of a model failed in a row, and when the next may be made."""
    _prospects: dict[str, deque[Prospect]] = field(default_factory=dict)

    def __call__(self, ask: Ask, decision: Decision, outcome: Outcome, /) -> None:
        """Start a probe beside a request, if one is due and the request is worth it."""
        model = self.due()
        if model and (found := self.weigh(model, ask, decision=decision, outcome=outcome)):
            self.start(found, ask, decision=decision)

    def due(self) -> Model | None:
        """Return one of the models that need more probes; None when there is none."""
        found = self._due()
        return found[self.pick(len(found))] if found else None

    def weigh(self, model: Model, ask: Ask, *, decision: Decision, outcome: Outcome) -> Weighed | None:
        """Return a probe with a request, and what it is expected to cost; None if it is not worth that.

        It is worth it where the model may take the request and could change what is decided.
        """
        if decision.policy == PINNED:
            return None
        try:
            return self._reaching(model, ask, decision, outcome)
        except RouterError as error:
            log.debug("%s is not probed beside %s: %s", model.name, decision.id, error)
            return None

    def start(self, found: Weighed, ask: Ask, *, decision: Decision) -> bool:
        """Start a probe with a request, within the running event loop; False when there is no room."""
        model = found.model
        run = Run(
            kind="probe",
            parent=decision,
            ask=ask,
            policy=Probe(model.name, found.predicted),
            models=self._with(model),
            once=True,
            ended=partial(self._ended, model.name),
        )
        started = self.runner.offer(run)
        if started:
            self._offered_since[model.name] = self._offered_since.get(model.name, 0) + 1
        return started

    def prospects(self, name: str) -> Sequence[Prospect]:
        """Return the newest requests of this process that a model might have been probed with, in order."""
        return tuple(self._prospects.get(name, ()))

    def refresh(self) -> None:
        """Take up how many probes there are by now; a failure leaves that as it was."""
        since = {record.name: record.since for record in self.offered.records.values() if to_probe(record)}
        try:
            made = self.counts(since) if since else {}
        except StoreUnavailable as error:
            log.warning("the number of probes stays as it was: %s", error)
            return
        self._made, self._offered_since = made, {}
        self._prospects = {name: kept for name, kept in tuple(self._prospects.items()) if name in made}

    def _ended(self, name: str, outcome: Outcome) -> None:
        """Wait after a call that failed, so that an outage does not speak against a model for good."""
        failed = self._failed.pop(name, (0, 0.0))[0] + 1
        if outcome.status == "failed":
            self._failed[name] = failed, self.clock() + min(2.0**failed, LONGEST_WAIT_S)

    def _waits(self, name: str) -> bool:
        return self.clock() < self._failed.get(name, (0, 0.0))[1]

    def _due(self) -> list[Model]:
        """Return the models that need more probes; of those not counted yet nothing is known to be due."""
        found = []
        for name, made in self._made.items():
            model = self.offered.waiting.get(name) or self.offered.catalog.get(name)
            most = TRIES * LOOKS * self.probes if self.offered.waiting.get(name) else AGAIN
            enough = made + self._offered_since.get(name, 0) >= most
            if model and not enough and not self._waits(name) and to_probe(self.offered.records[name]):
                found.append(model)
        return found

    def _reaching(self, model: Model, ask: Ask, decision: Decision, outcome: Outcome) -> Weighed | None:
        """Return a probe of a model that could change what is decided; raise `NoEligibleModel`."""
        policy = self.policies.get(self.default_policy)
        plan = self.plan(ask, policy, self._with(model), started=self.clock())
        actions = [action for action in plan.candidates if not action.fuses]
        price = next((action.cost_usd for action in actions if action.model == model.name), None)
        if price is None:
            return None
        state = State(context=decision.context, value_usd=decision.value_usd, value_s=decision.value_s)
        found = expected(policy, model.name, state, actions)
        if found is None:
            # Nothing is predicted: then what the user got must be known, or there is nothing to compare with.
            return None if outcome.quality is None else Weighed(model=model, price=price)
        predicted, own = found
        best = max(value for name, value in predicted.items() if name != model.name)
        made = self._made.get(model.name, 0)
        prospect = Prospect(made=made, category=decision.context.category, gain=predicted[model.name] - best)
        self._prospects.setdefault(model.name, deque(maxlen=REMEMBERED)).append(prospect)
        if not could_win(own, best, cost=price / decision.value_usd, made=made):
            return None
        return Weighed(model=model, price=price, predicted=predicted)

    def _with(self, model: Model) -> tuple[Model, ...]:
        """Return the models on offer and this one, which may be one of them."""
        return tuple({each.name: each for each in (*self.offered.catalog.models, model)}.values())
