"""Answers queries beside the requests of users: in the background, when there is room and money; it picks none.

A run goes through the same cascade, judges and log as a user's request, as a decision of its own that says what it is
(`kind`) and beside which decision it was made (`parent`). It never waits for anything on a user's path, and whatever
becomes of it, no user's request hears of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

from bandit_router.cascade.plan import concluded, next_actions
from bandit_router.cascade.run import Cascade, Plan
from bandit_router.errors import NoEligibleModel, RouterError
from bandit_router.protocols import DecisionLog, Policy
from bandit_router.router import Ask, Planner
from bandit_router.types import AsideKind, Decision, Model, Outcome, State, Step

log = logging.getLogger(__name__)

Dropped = Literal["busy", "budget", "ineligible", "failed"]
"""Why a run came to nothing: no room, no money left for the day, no model may take it, or it could not be logged."""
FRESH_S: Final = 5.0
"""For how long what was spent is taken from the last look at the database, and this process's own bills since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is to be answered, and by whom.

    A probe of one model: `policy=Probe(name)`, `models` all that are offered and the one to probe, `once=True`.
    A shadow: the arm's policy, the models offered, and as `opening` the step that was drawn for it.
    """

    kind: AsideKind
    parent: Decision
    ask: Ask
    """The user's request: its text, and the hints that say which models may take it."""
    policy: Policy
    models: tuple[Model, ...]
    opening: Step | None = None
    """The first step, where it has been drawn."""
    arm: str | None = None
    """Of the parent's experiment."""
    once: bool = False
    """One call and no more, whether it is answered or not."""
    purse: Purse | None = None
    """What it is paid from as well as from the purse of its kind: both must hold enough."""
    ended: Callable[[Outcome], object] | None = None
    """Told how it ended, unless it came to nothing."""


class AsideObserver(Protocol):
    """Told of runs, for metrics."""

    def aside(self, decision: Decision, outcome: Outcome, /) -> None:
        """Note a run that ended."""

    def aside_dropped(self, kind: AsideKind, reason: Dropped, /) -> None:
        """Note a run that came to nothing."""


class Runner(Protocol):
    """Carries out runs."""

    def offer(self, run: Run, /) -> bool:
        """Start a run, and return at once; False when there is no room or no budget."""


@dataclass(slots=True, kw_only=True)
class Purse:
    """What may be spent in a day (UTC) by all processes together; what is under way is held back at its expected price.

    Other processes' bills are seen after `FRESH_S` at the latest: the budget may be passed by what they pay meanwhile.
    """

    daily_usd: float
    spent: Callable[[datetime], float]
    """Returns the USD paid since a moment; blocks."""
    _day: datetime | None = None
    _looked: datetime | None = None
    _paid: float = 0.0
    _held: float = 0.0
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def left(self, now: datetime) -> float:
        """Return what may still be spent today, in USD; raise `StoreUnavailable`."""
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        async with self._looking:  # of two looks the older could come back last, and forget what was paid between
            if day != self._day or self._looked is None or (now - self._looked).total_seconds() > FRESH_S:
                self._paid = await asyncio.to_thread(self.spent, day)
                self._day, self._looked = day, now
        return self.daily_usd - self._paid - self._held

    def hold(self, usd: float) -> None:
        """Set the expected price of a run aside; negative gives it back."""
        self._held += usd

    def pay(self, usd: float) -> None:
        """Take note of a bill."""
        self._paid += usd


@dataclass(slots=True, kw_only=True)
class Aside:
    """Runs what it is offered; `purses` has one for each kind, `concurrency` is how many runs go on at a time."""

    plan: Planner
    cascade: Cascade
    log: DecisionLog
    purses: Mapping[AsideKind, Purse]
    concurrency: int
    observer: AsideObserver
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def offer(self, run: Run) -> bool:
        """Start a run within the running event loop and return at once; False when there is no room or no budget."""
        daily_usd = min([purse.daily_usd for purse in (self.purses[run.kind], run.purse) if purse])
        reason: Dropped | None = "budget" if daily_usd <= 0 else None
        if len(self._tasks) >= self.concurrency:
            reason = "busy"
        if reason:
            self.observer.aside_dropped(run.kind, reason)
            return False
        task = asyncio.get_running_loop().create_task(self._safely(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _safely(self, run: Run) -> None:
        try:
            await self._run(run)
        except NoEligibleModel as error:
            log.debug("a %s beside %s is left out: %s", run.kind, run.parent.id, error)
            self.observer.aside_dropped(run.kind, "ineligible")
        except RouterError as error:
            log.warning("a %s beside %s came to nothing: %s", run.kind, run.parent.id, error)
            self.observer.aside_dropped(run.kind, "failed")

    async def _run(self, run: Run) -> None:
        started = self.cascade.clock()
        purses = [self.purses[run.kind], *([run.purse] if run.purse else [])]
        plan, state, step = self._opening(run, started)
        if step.action.cost_usd > min([await purse.left(self.now()) for purse in purses]):
            self.observer.aside_dropped(run.kind, "budget")
            return
        decision = self._decision(run, state, step)
        for purse in purses:
            purse.hold(step.action.cost_usd)
        try:
            await self.log.decided(decision)
            final = await self.cascade.run(run.ask.request, step, state, plan=plan)
            latency_s = self.cascade.clock() - started
            outcome = concluded(decision.id, final, finished_at=self.now(), latency_s=latency_s)
            try:
                await self.log.finished(outcome)
            finally:
                for purse in purses:
                    purse.pay(outcome.cost_usd)
        finally:
            for purse in purses:
                purse.hold(-step.action.cost_usd)
        self.observer.aside(decision, outcome)
        if run.ended:
            run.ended(outcome)

    def _opening(self, run: Run, started: float) -> tuple[Plan, State, Step]:
        """Return what may be done, the state before anything is, and the first step; raise `NoEligibleModel`."""
        plan = self.plan(run.ask, run.policy, run.models, started=started)
        limits = replace(plan.limits, max_attempts=1) if run.once else plan.limits
        state = State(
            context=run.parent.context,
            value_usd=run.parent.value_usd,
            value_s=run.parent.value_s,
            max_attempts=limits.max_attempts,
            min_quality=limits.min_quality,
        )
        actions = next_actions(plan.candidates, (), limits)
        step = run.opening or self.cascade.choose(run.policy, state, actions)
        candidates = (step.action,) if run.once else plan.candidates
        return replace(plan, limits=limits, candidates=candidates), state, step

    def _decision(self, run: Run, state: State, step: Step) -> Decision:
        """Return the decision as it is logged: the parent's, but for what is its own; its text is the parent's."""
        return replace(
            run.parent,
            id=self.new_id(),
            created_at=self.now(),
            policy=run.policy.name,
            version=run.policy.version,
            value_usd=state.value_usd,
            step=step,
            session=None,
            experiment=run.parent.experiment if run.arm else None,
            arm=run.arm,
            unit=run.parent.unit if run.arm else None,
            shadows=(),
            messages=(),
            asked=None,
            kind=run.kind,
            parent=run.parent.id,
        )
