"""The sentence: a request becomes a context, a policy draws, a cascade calls and judges, and all of it is logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol

from bandit_router.cascade.plan import Limits, concluded, next_actions
from bandit_router.cascade.run import Cascade, Plan
from bandit_router.errors import AllModelsFailed, NoEligibleModel, StoreUnavailable, UnknownModel
from bandit_router.experiment.assign import Place, Subject, policy_name, user_hash
from bandit_router.policy.pinned import Pinned
from bandit_router.protocols import ContextBuilder, DecisionLog, Policy
from bandit_router.registry.catalog import Catalog
from bandit_router.registry.eligible import eligible
from bandit_router.settings import CascadeSettings
from bandit_router.types import (
    Action,
    Answer,
    Asked,
    ChatRequest,
    Context,
    Decision,
    Hints,
    Model,
    Outcome,
    Shadow,
    State,
)

logger = logging.getLogger(__name__)


LOG_RETRY_S: Final = 10.0
"""For how many seconds after a failed write the service calls itself not ready."""


class Policies(Protocol):
    """The policies being served right now."""

    def get(self, name: str, /) -> Policy:
        """Return the current version of a policy; raise `UnknownPolicy`."""

    def names(self) -> tuple[str, ...]:
        """Return every policy's name."""


class Experiments(Protocol):
    """The experiments that run right now."""

    def place(self, subject: Subject, /, *, now: datetime) -> Place | None:
        """Return where a request belongs; None when it takes part in nothing."""


class NoExperiments:
    """Takes no request."""

    def place(self, subject: Subject, /, *, now: datetime) -> Place | None:  # noqa: ARG002
        """Return None."""
        return None


class Planner(Protocol):
    """Says what a policy may do for a request."""

    def __call__(self, ask: Ask, policy: Policy, models: tuple[Model, ...], /, *, started: float) -> Plan:
        """Return the plan; raise `NoEligibleModel`."""


class Beside(Protocol):
    """Told of each request that ended, answered or not, its text included, once that is logged."""

    def __call__(self, ask: Ask, decision: Decision, outcome: Outcome, /) -> None:
        """Start what is to be done beside it; must not wait and must not raise."""


class Observer(Protocol):
    """Told of each decision and outcome as they happen, for metrics."""

    def decided(self, decision: Decision, seconds: float, /) -> None:
        """Note a decision and the seconds it took from the request's arrival to the draw."""

    def finished(self, decision: Decision, outcome: Outcome, /) -> None:
        """Note an outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request with everything that came beside it."""

    request: ChatRequest
    target: str = "auto"
    """`auto`, or the name of a model, a tier or a policy."""
    hints: Hints = field(default_factory=Hints)
    tenant: str = ""
    value_usd: float | None = None
    """The tenant's dial; the request's own hint goes before it, the service's default comes after."""
    value_s: float | None = None
    """The tenant's dial for time, likewise."""


@dataclass(slots=True, kw_only=True)
class Router:
    """Routes requests; `now` gives UTC time, `new_id` a fresh sortable id."""

    contexts: ContextBuilder
    catalog: Callable[[], Catalog]
    """The models on offer right now."""
    policies: Policies
    cascade: Cascade
    log: DecisionLog
    observer: Observer
    limits: CascadeSettings
    default_policy: str
    value_usd: Callable[[], float]
    """The service's dial right now, in USD."""
    judge_cost_usd: Callable[[], float]
    """What judging an answer is expected to cost right now, in USD."""
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    value_s: float | None = None
    """The service's dial for time in seconds; None where time costs nothing."""
    experiments: Experiments = field(default_factory=NoExperiments)
    admitted: Callable[[tuple[Action, ...]], tuple[Action, ...]] = tuple
    """Leaves out the actions whose model is out of order for now."""
    beside: Sequence[Beside] = ()
    _log_failed_at: float | None = None

    @property
    def log_fails(self) -> bool:
        """True when the last write to the log failed, and that not long ago: only another request can try again."""
        return self._log_failed_at is not None and self.cascade.clock() - self._log_failed_at < LOG_RETRY_S

    async def answer(self, ask: Ask) -> Answer:
        """Route, call, judge and log one request.

        Raise `AllModelsFailed` when no model answered and `StoreUnavailable` when it could not be logged.
        """
        started = self.cascade.clock()
        decision, state, plan = await self._decide(ask)
        if self._log_failed_at is not None:
            # While the log is failing, find that out before money is spent on an answer that may not be given.
            await self._logged(self.log.decided(decision))
            writing = None
        else:
            writing = asyncio.create_task(self._logged(self.log.decided(decision)))
        try:
            final = await self.cascade.run(ask.request, decision.step, state, plan=plan)
        finally:
            if writing:
                await writing
        outcome = await self._finish(decision, final, latency_s=self.cascade.clock() - started)
        for each in self.beside:
            each(ask, decision, outcome)
        return _answer(decision, outcome, final)

    async def decide(self, ask: Ask) -> Decision:
        """Decide and log where a request would start, without calling a model."""
        decision, _, _ = await self._decide(ask)
        await self._logged(self.log.decided(decision))
        return decision

    async def _decide(self, ask: Ask) -> tuple[Decision, State, Plan]:
        started = self.cascade.clock()
        policy, models = self._resolve(ask)
        plan = self.plan(ask, policy, models, started=started)
        context = await self.contexts.build(ask.request)
        decision_id, now = self.new_id(), self.now()
        user = _user(ask)
        place = self._place(ask, context, decision_id, user=user, now=now)
        if place:
            policy = self.policies.get(policy_name(place.spec, place.arm))
            plan = replace(plan, policy=policy)
        state = State(
            context=context,
            value_usd=ask.hints.value_usd or ask.value_usd or self.value_usd(),
            max_attempts=plan.limits.max_attempts,
            min_quality=plan.limits.min_quality,
            value_s=ask.hints.value_s or ask.value_s or self.value_s,
        )
        step = self.cascade.choose(policy, state, next_actions(plan.candidates, (), plan.limits))
        decision = Decision(
            id=decision_id,
            created_at=now,
            context=context,
            policy=policy.name,
            version=policy.version,
            value_usd=state.value_usd,
            value_s=state.value_s,
            step=step,
            tenant=ask.tenant,
            session=ask.hints.session,
            user_hash=user,
            messages=ask.request.messages,
            asked=None if isinstance(policy, Pinned) else Asked(params=ask.request.params, hints=ask.hints),
            experiment=place.experiment if place else None,
            arm=place.arm.name if place else None,
            unit=place.unit if place else None,
            shadows=self._shadows(place, state, step.actions),
        )
        self.observer.decided(decision, self.cascade.clock() - started)
        return decision, state, plan

    def _place(self, ask: Ask, context: Context, decision_id: str, *, user: str | None, now: datetime) -> Place | None:
        """Return where a request belongs that leaves the choice to the service."""
        if ask.target != "auto" or ask.hints.policy:
            return None
        subject = Subject(
            request=decision_id,
            session=ask.hints.session,
            user=user,
            key=ask.tenant,
            category=context.category,
            region=ask.hints.region,
        )
        return self.experiments.place(subject, now=now)

    def _shadows(self, place: Place | None, state: State, actions: Sequence[Action]) -> tuple[Shadow, ...]:
        """Return what the arms that serve nothing would have started with."""
        if place is None:
            return ()
        named = {arm.name: self.policies.get(policy_name(place.spec, arm)) for arm in place.spec.shadows}
        return tuple(Shadow(arm=arm, step=self.cascade.choose(by, state, actions)) for arm, by in named.items())

    def _resolve(self, ask: Ask) -> tuple[Policy, tuple[Model, ...]]:
        """Return who decides among which models: a policy by name, else the default one among the models named."""
        catalog = self.catalog()
        everything = catalog.models
        if ask.hints.policy:
            return self.policies.get(ask.hints.policy), everything
        if ask.target == "auto":
            return self.policies.get(self.default_policy), everything
        if catalog.get(ask.target):
            return Pinned(), catalog.named(ask.target)
        if ask.target in self.policies.names():
            return self.policies.get(ask.target), everything
        return self.policies.get(self.default_policy), self._named(catalog, ask.target)

    def _named(self, catalog: Catalog, target: str) -> tuple[Model, ...]:
        try:
            return catalog.named(target)
        except UnknownModel as error:
            known = ("auto", *(m.name for m in catalog.models), *catalog.tiers, *self.policies.names())
            raise UnknownModel(target, known) from error

    def plan(self, ask: Ask, policy: Policy, models: tuple[Model, ...], *, started: float) -> Plan:
        """Return what a policy may do for a request with these models; raise `NoEligibleModel` when that is nothing."""
        ceilings = [limit for limit in (ask.hints.max_cost_usd, self.limits.max_cost_usd) if limit is not None]
        judge = not isinstance(policy, Pinned)
        judging = self.judge_cost_usd() if judge else 0.0
        candidates = self.admitted(eligible(models, ask.request, ask.hints, judge_cost_usd=judging))
        limits = Limits(
            max_attempts=self.limits.max_attempts,
            max_cost_usd=min(ceilings, default=None),
            min_quality=ask.hints.min_quality,
            deadline_s=self.limits.deadline_s,
            judge=judge,
        )
        if not next_actions(candidates, (), limits):
            raise NoEligibleModel(f"no model is expected to cost less than the ceiling of ${limits.max_cost_usd}")
        return Plan(
            policy=policy, candidates=candidates, models={m.name: m for m in models}, limits=limits, started=started
        )

    async def _logged(self, writing: Awaitable[None]) -> None:
        try:
            await writing
        except StoreUnavailable:
            self._log_failed_at = self.cascade.clock()
            raise
        self._log_failed_at = None

    async def _finish(self, decision: Decision, final: State, *, latency_s: float) -> Outcome:
        outcome = concluded(decision.id, final, finished_at=self.now(), latency_s=latency_s)
        await self._logged(self.log.finished(outcome))
        self.observer.finished(decision, outcome)
        return outcome


def _user(ask: Ask) -> str | None:
    """Return the hash of the user whom the request names; None where it names none."""
    named = ask.request.params.get("user")
    return user_hash(ask.tenant, named) if named and isinstance(named, str) else None


def _answer(decision: Decision, outcome: Outcome, final: State) -> Answer:
    """Return what is served; raise `AllModelsFailed`."""
    completion = None if outcome.served is None else final.history[outcome.served].attempt.completion
    if completion is None:
        tried = ", ".join(f"{judged.attempt.model} {judged.attempt.status}" for judged in final.history)
        logger.warning("decision %s: every model failed (%s)", decision.id, tried)
        raise AllModelsFailed(decision.id, [j.attempt.error or j.attempt.model for j in final.history])
    return Answer(decision=decision, outcome=outcome, completion=completion)
