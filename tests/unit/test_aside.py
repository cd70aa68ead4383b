"""Runs beside users' requests: what is logged of them, and when they are left out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bandit_router.aside import FRESH_S, Aside, Purse, Run
from bandit_router.cascade.plan import Limits
from bandit_router.cascade.run import Cascade, Plan
from bandit_router.errors import ProviderError, StoreUnavailable
from bandit_router.policy.probe import Probe
from bandit_router.protocols import Policy
from bandit_router.router import Ask
from bandit_router.types import (
    Action,
    AsideKind,
    Asked,
    Case,
    ChatRequest,
    Completion,
    Decision,
    Feedback,
    Judgement,
    Model,
    Outcome,
    Pmf,
    State,
)
from tests.factories import START, make_decision, make_step

PRICE = 0.5
MODELS = tuple(
    Model(name=name, target=name, tier=tier, input_usd_per_token=0.0, output_usd_per_token=0.0)
    for tier, name in enumerate(("small", "large"))
)
ASK = Ask(request=ChatRequest(messages=({"role": "user", "content": "Hello"},)))
PARENT = make_decision(
    7, tenant="team", session="s", experiment="trial", arm="control", unit="ab", messages=({},), asked=Asked()
)


@dataclass
class World:
    """Models, a judge, the log and the metrics at once; `gate` holds calls back."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    log_down: bool = False
    down: bool = False
    paid: float = 0.0
    looks: list[datetime] = field(default_factory=list)
    now: datetime = START
    decisions: list[Decision] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    dropped: list[tuple[AsideKind, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    async def complete(self, model: Model, _request: ChatRequest, /, *, timeout_s: float) -> Completion:
        await self.gate.wait()
        if self.down:
            raise ProviderError("error", "down")
        return Completion(
            message={"role": "assistant", "content": model.name},
            finish_reason="stop",
            input_tokens=1,
            output_tokens=1,
            cost_usd=PRICE,
        )

    async def judge(self, _case: Case, /, *, left_s: float) -> Judgement:
        return Judgement(quality=0.25)

    async def decided(self, decision: Decision, /) -> None:
        if self.log_down:
            raise StoreUnavailable("down")
        self.decisions.append(decision)

    async def finished(self, outcome: Outcome, /) -> None:
        self.outcomes.append(outcome)

    async def feedback(self, _feedback: Feedback, /) -> bool:
        return True

    def plan(self, _ask: Ask, policy: Policy, models: tuple[Model, ...], /, *, started: float) -> Plan:
        actions = tuple(Action(model=model.name, tier=model.tier, cost_usd=PRICE) for model in models)
        named = {model.name: model for model in models}
        return Plan(policy=policy, candidates=actions, models=named, limits=Limits(), started=started)

    def spent(self, since: datetime) -> float:
        self.looks.append(since)
        return self.paid

    def aside(self, decision: Decision, outcome: Outcome, /) -> None:
        self.told.append(f"{decision.kind} {outcome.status}")

    def aside_dropped(self, kind: AsideKind, reason: str, /) -> None:
        self.dropped.append((kind, reason))


@dataclass
class Climber:
    """Tries every model in turn."""

    name: str = "trial.bandit"
    version: str = "3"

    def pmf(self, _state: State, actions: Sequence[Action], /) -> Pmf:
        wish = next((i for i, action in enumerate(actions) if not action.is_stop), 0)
        return Pmf(probs=tuple(float(i == wish) for i in range(len(actions))))


def aside(world: World, *, daily_usd: float = 10.0, concurrency: int = 8) -> Aside:
    cascade = Cascade(
        provider=world, panel=world, draw=lambda pmf: pmf.probs.index(1.0), chance=bool, clock=lambda: 0.0
    )
    kinds: tuple[AsideKind, ...] = ("probe", "shadow")
    numbers = iter(range(1000))
    return Aside(
        plan=world.plan,
        cascade=cascade,
        log=world,
        purses={kind: Purse(daily_usd=daily_usd, spent=world.spent) for kind in kinds},
        concurrency=concurrency,
        observer=world,
        now=lambda: world.now,
        new_id=lambda: f"aside-{next(numbers)}",
    )


def probe(model: str = "large") -> Run:
    return Run(kind="probe", parent=PARENT, ask=ASK, policy=Probe(model), models=MODELS, once=True)


def shadow(**changes: object) -> Run:
    run = Run(kind="shadow", parent=PARENT, ask=ASK, policy=Climber(), models=MODELS, arm="bandit")
    return replace(run, **changes)  # type: ignore[arg-type]


async def carried_out(world: World, *runs: Run, **settings: float) -> Aside:
    world.gate.set()
    service = aside(world, **settings)  # type: ignore[arg-type]
    for run in runs:
        service.offer(run)
        await service.idle()
    return service


async def test_a_probe_calls_the_model_it_is_of_among_all_and_judges_its_answer() -> None:
    world = World()
    await carried_out(world, probe("large"))
    ((judged,),) = [outcome.history for outcome in world.outcomes]
    assert (judged.attempt.model, judged.quality) == ("large", 0.25)
    assert [action.model for action in world.decisions[0].step.actions] == ["small", "large"]


async def test_a_run_is_logged_as_a_decision_of_its_own_beside_that_of_the_user() -> None:
    world = World()
    await carried_out(world, probe())
    (logged,) = world.decisions
    assert (logged.id, logged.kind, logged.parent) == ("aside-0", "probe", PARENT.id)
    assert (logged.context, logged.value_usd, logged.tenant) == (PARENT.context, PARENT.value_usd, "team")


async def test_a_probe_takes_part_in_no_experiment_and_keeps_no_second_copy_of_the_text() -> None:
    world = World()
    await carried_out(world, probe())
    (logged,) = world.decisions
    assert (logged.experiment, logged.arm, logged.unit, logged.session) == (None,) * 4
    assert (logged.messages, logged.asked) == ((), None)


async def test_who_offered_a_run_is_told_how_it_ended() -> None:
    world, told = World(down=True), list[str]()
    await carried_out(world, replace(probe(), ended=lambda outcome: told.append(outcome.status)))
    assert told == ["failed"]


async def test_a_shadow_runs_the_whole_cascade_as_its_arm_from_the_step_that_was_drawn() -> None:
    world = World()
    drawn = make_step(actions=tuple(Action(model=model.name) for model in MODELS), chosen=1, pmf=Pmf(probs=(0.3, 0.7)))
    await carried_out(world, shadow(opening=drawn))
    (logged,), (outcome,) = world.decisions, world.outcomes
    assert (logged.experiment, logged.arm, logged.unit, logged.step) == ("trial", "bandit", "ab", drawn)
    assert [judged.attempt.model for judged in outcome.history] == ["large", "small"]


async def test_a_model_that_may_not_take_the_request_is_not_called() -> None:
    world = World()
    await carried_out(world, probe("another"))
    assert (world.decisions, world.dropped) == ([], [("probe", "ineligible")])


async def test_what_is_offered_while_all_places_are_taken_is_dropped_at_once() -> None:
    world = World()
    service = aside(world, concurrency=1)
    taken = [service.offer(probe()), service.offer(shadow())]
    world.gate.set()
    await service.idle()
    assert (taken, world.dropped, len(world.outcomes)) == ([True, False], [("shadow", "busy")], 1)


async def test_a_run_with_a_purse_of_its_own_needs_money_in_both() -> None:
    world, own = World(), Purse(daily_usd=1.5 * PRICE, spent=lambda _: 0.0)
    await carried_out(world, *3 * [replace(probe(), purse=own)])
    assert (len(world.outcomes), world.dropped) == (1, 2 * [("probe", "budget")])


async def test_a_purse_of_its_own_without_a_budget_has_no_runs() -> None:
    world = World()
    await carried_out(world, shadow(purse=Purse(daily_usd=0.0, spent=lambda _: 0.0)))
    assert (world.dropped, world.decisions) == ([("shadow", "budget")], [])


async def test_a_day_without_a_budget_has_no_runs_and_asks_the_database_nothing() -> None:
    world = World()
    await carried_out(world, probe(), daily_usd=0)
    assert (world.dropped, world.looks) == ([("probe", "budget")], [])


async def test_what_other_processes_spent_today_counts() -> None:
    world = World(paid=9.8)
    await carried_out(world, probe(), daily_usd=10.0)
    assert (world.dropped, world.looks[0].time().isoformat()) == ([("probe", "budget")], "00:00:00")


async def test_the_budget_ends_runs_before_the_database_is_looked_at_again() -> None:
    world = World()
    await carried_out(world, *(probe() for _ in range(5)), daily_usd=3 * PRICE)
    assert (len(world.outcomes), len(world.looks)) == (3, 1)


async def test_what_is_under_way_is_held_back_from_the_budget() -> None:
    world = World()
    service = aside(world, daily_usd=1.5 * PRICE)
    for _ in range(3):
        service.offer(probe())
    world.gate.set()
    await service.idle()
    assert len(world.outcomes) == 1


async def test_the_next_day_has_a_budget_of_its_own() -> None:
    world = World()
    service = await carried_out(world, probe(), probe(), daily_usd=PRICE)
    world.now += timedelta(days=1)
    service.offer(probe())
    await service.idle()
    assert len(world.outcomes) == 2


async def test_the_purse_takes_up_the_bills_of_others_after_a_while() -> None:
    paid = [0.0]
    purse = Purse(daily_usd=1.0, spent=lambda _: paid[0])
    before = await purse.left(START)
    paid[0] = 0.75
    soon = await purse.left(START + timedelta(seconds=FRESH_S / 2))
    assert (before, soon, await purse.left(START + timedelta(seconds=2 * FRESH_S))) == (1.0, 1.0, 0.25)


async def test_a_log_that_cannot_be_written_costs_a_run_and_nothing_else() -> None:
    world = World(log_down=True)
    service = await carried_out(world, probe())
    world.log_down = False
    service.offer(probe())
    await service.idle()
    assert (world.dropped, len(world.outcomes)) == ([("probe", "failed")], 1)


async def test_a_model_that_fails_is_logged_as_failed() -> None:
    world = World(down=True)
    await carried_out(world, probe())
    assert world.told == ["probe failed"]


async def test_closing_gives_up_what_is_under_way() -> None:
    world = World()
    service = aside(world)
    service.offer(probe())
    await asyncio.sleep(0)
    await asyncio.wait_for(service.close(), timeout=5)
    assert world.outcomes == []


@pytest.mark.parametrize("cause", ["busy", "budget"])
async def test_offering_a_run_that_is_left_out_says_so(cause: str) -> None:
    service = aside(World(), concurrency=0) if cause == "busy" else aside(World(), daily_usd=0.0)
    assert not service.offer(probe())
