"""The router: who decides, what is logged and when, and what happens when it cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from bandit_router.cascade.run import Cascade
from bandit_router.errors import AllModelsFailed, NoEligibleModel, ProviderError, StoreUnavailable, UnknownModel
from bandit_router.protocols import Policy
from bandit_router.registry.catalog import Catalog
from bandit_router.router import LOG_RETRY_S, Ask, Router
from bandit_router.settings import CascadeSettings
from bandit_router.types import (
    Action,
    Asked,
    Case,
    ChatRequest,
    Completion,
    Context,
    Decision,
    Feedback,
    Hints,
    Judgement,
    Model,
    Outcome,
    Pmf,
    State,
)
from tests.factories import START, make_context

MODELS = tuple(
    Model(name=name, target=name, tier=tier, input_usd_per_token=0.0, output_usd_per_token=0.001)
    for tier, name in enumerate(("small", "large"))
)
REQUEST = ChatRequest(messages=({"role": "user", "content": "Hello"},))


@dataclass
class Climber:
    """Takes the first action that is not `stop`, as long as there is one."""

    name: str = "live"
    version: str = "3"

    def pmf(self, _state: State, actions: Sequence[Action], /) -> Pmf:
        wish = next((i for i, action in enumerate(actions) if not action.is_stop), 0)
        return Pmf(probs=tuple(float(i == wish) for i in range(len(actions))))


@dataclass
class Shelf:
    """The policies being served."""

    def get(self, name: str, /) -> Policy:
        return Climber(name)

    def names(self) -> tuple[str, ...]:
        return ("live", "other")


@dataclass
class World:
    """Models, judges, contexts and a log at once; writes down what it is asked, in order."""

    down: frozenset[str] = frozenset()
    log_down: bool = False
    seconds: float = 0.0
    events: list[str] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    async def build(self, _request: ChatRequest, /) -> Context:
        return make_context()

    async def complete(self, model: Model, _request: ChatRequest, /, *, timeout_s: float) -> Completion:
        await asyncio.sleep(0)
        self.events.append(f"call {model.name}")
        if model.name in self.down:
            raise ProviderError("error", f"{model.name} failed")
        message = {"role": "assistant", "content": model.name}
        return Completion(message=message, finish_reason="stop", input_tokens=1, output_tokens=1, cost_usd=0.5)

    async def judge(self, case: Case, /, *, left_s: float) -> Judgement:
        return Judgement(quality=0.9 if case.answer.completion.text == "small" else 0.3)

    async def decided(self, decision: Decision, /) -> None:
        if self.log_down:
            raise StoreUnavailable("down")
        self.events.append("decided")
        self.decisions.append(decision)

    async def finished(self, outcome: Outcome, /) -> None:
        if self.log_down:
            raise StoreUnavailable("down")
        self.events.append("finished")
        self.outcomes.append(outcome)

    async def feedback(self, _feedback: Feedback, /) -> bool:
        return True


@dataclass
class Nobody:
    """An observer that looks away."""

    def decided(self, _decision: Decision, _seconds: float, /) -> None: ...

    def finished(self, _decision: Decision, _outcome: Outcome, /) -> None: ...


def router(world: World, **limits: object) -> Router:
    cascade = Cascade(
        provider=world, panel=world, draw=lambda pmf: pmf.probs.index(1.0), chance=bool, clock=lambda: world.seconds
    )
    return Router(
        contexts=world,
        catalog=lambda: Catalog(MODELS),
        policies=Shelf(),
        cascade=cascade,
        log=world,
        observer=Nobody(),
        limits=CascadeSettings.model_validate(limits),
        default_policy="live",
        value_usd=lambda: 0.01,
        judge_cost_usd=lambda: 0.1,
        now=lambda: START,
        new_id=lambda: "id",
    )


async def test_the_best_judged_answer_is_served_not_the_last() -> None:
    answer = await router(World()).answer(Ask(request=REQUEST))
    assert answer.completion.text == "small"
    assert [j.attempt.model for j in answer.outcome.history] == ["small", "large"]


async def test_decided_and_finished_are_durable_before_the_answer_is_given() -> None:
    world = World()
    await router(world).answer(Ask(request=REQUEST))
    assert sorted(world.events) == ["call large", "call small", "decided", "finished"]
    assert world.events[-1] == "finished"


async def test_a_failed_request_is_logged_with_every_attempt() -> None:
    world = World(down=frozenset({"small", "large"}))
    with pytest.raises(AllModelsFailed, match="small failed; large failed"):
        await router(world).answer(Ask(request=REQUEST))
    assert (world.outcomes[0].status, len(world.outcomes[0].history)) == ("failed", 2)


async def test_without_a_log_there_is_no_answer() -> None:
    with pytest.raises(StoreUnavailable):
        await router(World(log_down=True)).answer(Ask(request=REQUEST))


async def test_while_the_log_is_failing_no_model_is_paid() -> None:
    world = World(log_down=True)
    routing = router(world)
    with pytest.raises(StoreUnavailable):
        await routing.answer(Ask(request=REQUEST))
    world.events.clear()
    with pytest.raises(StoreUnavailable):
        await routing.answer(Ask(request=REQUEST))
    assert world.events == []


async def test_it_recovers_by_itself_once_the_log_is_back() -> None:
    world = World(log_down=True)
    routing = router(world)
    with pytest.raises(StoreUnavailable):
        await routing.answer(Ask(request=REQUEST))
    world.log_down = False
    assert (await routing.answer(Ask(request=REQUEST))).completion.text == "small"


async def test_a_model_by_name_is_called_alone_and_not_judged() -> None:
    answer = await router(World()).answer(Ask(request=REQUEST, target="large"))
    assert answer.decision.policy == "pinned"
    assert [(j.attempt.model, j.judgement) for j in answer.outcome.history] == [("large", None)]


async def test_a_decision_says_what_its_request_asked_for() -> None:
    hints = Hints(deny=frozenset({"tiny"}))
    decision = await router(World()).decide(Ask(request=replace(REQUEST, params={"top_p": 0.5}), hints=hints))
    assert decision.asked == Asked(params={"top_p": 0.5}, hints=hints)


async def test_of_a_request_that_named_its_model_nothing_is_kept_for_other_models() -> None:
    assert (await router(World()).decide(Ask(request=REQUEST, target="small"))).asked is None


async def test_a_model_by_name_that_fails_has_no_substitute() -> None:
    with pytest.raises(AllModelsFailed):
        await router(World(down=frozenset({"large"}))).answer(Ask(request=REQUEST, target="large"))


async def test_a_tier_narrows_what_the_default_policy_may_choose() -> None:
    answer = await router(World()).answer(Ask(request=REQUEST, target="tier-1"))
    assert (answer.decision.policy, answer.completion.text) == ("live", "large")


async def test_a_policy_by_name_decides() -> None:
    assert (await router(World()).answer(Ask(request=REQUEST, target="other"))).decision.policy == "other"


async def test_the_policy_hint_goes_before_the_model_field() -> None:
    ask = Ask(request=REQUEST, target="large", hints=Hints(policy="other"))
    assert (await router(World()).answer(ask)).decision.policy == "other"


async def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownModel, match="did you mean 'other'"):
        await router(World()).answer(Ask(request=REQUEST, target="othr"))


@pytest.mark.parametrize(("hint", "tenant", "expected"), [(0.5, 0.2, 0.5), (None, 0.2, 0.2), (None, None, 0.01)])
async def test_the_requests_dial_goes_before_the_tenants_and_that_before_the_services(
    hint: float | None, tenant: float | None, expected: float
) -> None:
    ask = Ask(request=REQUEST, hints=Hints(value_usd=hint), value_usd=tenant)
    assert (await router(World()).decide(ask)).value_usd == expected


async def test_deciding_only_logs_the_decision_and_calls_nothing() -> None:
    world = World()
    decision = await router(world).decide(Ask(request=REQUEST))
    assert (world.events, decision.step.action.model) == (["decided"], "small")


async def test_expected_costs_include_the_judges() -> None:
    decision = await router(World()).decide(Ask(request=REQUEST))
    assert decision.step.actions[0].cost_usd == pytest.approx(400 * 0.001 + 0.1)


async def test_a_ceiling_that_no_model_meets_is_refused_before_anything_is_called() -> None:
    world = World()
    with pytest.raises(NoEligibleModel, match="ceiling"):
        await router(world, max_cost_usd=0.001).answer(Ask(request=REQUEST))
    assert world.events == []


async def failing_router(world: World) -> Router:
    """Return a router whose last write to the log failed."""
    made = router(world)
    world.log_down = True
    with pytest.raises(StoreUnavailable):
        await made.decide(Ask(request=REQUEST))
    return made


async def test_a_failed_write_is_remembered_until_one_succeeds() -> None:
    world = World()
    made = await failing_router(world)
    failed = made.log_fails
    world.log_down = False
    await made.decide(Ask(request=REQUEST))
    assert (failed, made.log_fails) == (True, False)


async def test_after_a_while_requests_may_find_out_whether_the_log_still_fails() -> None:
    world = World()
    made = await failing_router(world)
    world.seconds += LOG_RETRY_S
    assert not made.log_fails
