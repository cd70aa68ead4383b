"""Which requests newcomers are probed with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from bandit_router.aside import Run
from bandit_router.cascade.plan import Limits
from bandit_router.cascade.run import Plan
from bandit_router.errors import NoEligibleModel, StoreUnavailable
from bandit_router.policy.load import PINNED
from bandit_router.prober import AGAIN, LONGEST_WAIT_S, Prober
from bandit_router.protocols import Policy
from bandit_router.registry.lifecycle import added, begun
from bandit_router.registry.offered import Offered
from bandit_router.registry.probation import LEAST, LOOKS, TRIES
from bandit_router.router import Ask
from bandit_router.types import Action, ChatRequest, Model, ModelEvent, Pmf, State
from tests.factories import make_context, make_decision, make_failed, make_outcome
from tests.unit.registry.test_offered import NOW, Kept, entry, no_prices

ASK = Ask(request=ChatRequest(messages=({"role": "user", "content": "Hello"},)))
PROBES = 10
PRICE = 0.25


@dataclass
class Fortune:
    """Predicts what it is told to of each model."""

    values: Mapping[str, float | None]
    name: str = "live"
    version: str = "1"

    def pmf(self, _state: State, actions: Sequence[Action], /) -> Pmf:
        predicted = tuple(self.values.get(action.model) for action in actions) if self.values else ()
        return Pmf(probs=tuple(1 / len(actions) for _ in actions), predicted=predicted)


@dataclass
class World:
    """One model that is known and one that is probed, and whatever is run."""

    predicted: Mapping[str, float | None] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    shut: bool = False
    down: bool = False
    price: float = PRICE
    time: float = 0.0
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.offered = Offered([entry("old")], prices=no_prices, records=Kept(), probed=True)
        self.offered.introduce(NOW)
        self.offered.add(entry("new"), added("new", None, now=NOW, reason="asked for", probed=True))
        self.offered.change(begun(self.offered.record("new"), now=NOW))
        self.prober = Prober(
            offered=self.offered,
            runner=self,
            plan=self.plan,
            policies=self,
            default_policy="live",
            probes=PROBES,
            counts=self.counts,
            pick=lambda _: 0,
            clock=lambda: self.time,
        )
        self.prober.refresh()

    def get(self, _name: str, /) -> Policy:
        return Fortune(self.predicted)

    def names(self) -> tuple[str, ...]:
        return ("live",)

    def plan(self, _ask: Ask, policy: Policy, models: tuple[Model, ...], /, *, started: float) -> Plan:
        if self.shut:
            raise NoEligibleModel("not for this request")
        actions = tuple(Action(model=model.name, tier=model.tier, cost_usd=self.price) for model in models)
        return Plan(policy=policy, candidates=actions, models={}, limits=Limits(), started=started)

    def counts(self, since: Mapping[str, datetime]) -> Mapping[str, int]:
        if self.down:
            raise StoreUnavailable("down")
        return {model: self.made.get(model, 0) for model in since}

    def offer(self, run: Run, /) -> bool:
        self.runs.append(run)
        return True

    def answered(self, *, policy: str = "live", quality: float | None = 0.5) -> int:
        """Tell of a request that was answered; return how many probes were made so far."""
        decision = make_decision(policy=policy)
        self.prober(ASK, decision, make_outcome(decision, quality=quality))
        return len(self.runs)


def test_a_request_where_the_newcomer_is_expected_to_win_is_used() -> None:
    world = World(predicted={"new": 0.9, "old": 0.1})
    world.answered()
    (run,) = world.runs
    assert (run.kind, run.once, [model.name for model in run.models]) == ("probe", True, ["old", "new"])


def test_a_probe_says_what_the_request_was_expected_to_come_to_with_the_model_and_without() -> None:
    world = World(predicted={"new": 0.9, "old": 0.1})
    world.answered()
    actions = tuple(Action(model=name) for name in ("old", "new"))
    pmf = world.runs[0].policy.pmf(State(context=make_context(), value_usd=1.0), actions)
    assert (pmf.probs, pmf.predicted) == ((0.0, 1.0), (0.1, 0.9))


def test_what_is_not_known_of_it_speaks_for_a_probe_and_what_is_known_against() -> None:
    doubted, known = (World(predicted={"new": 0.3, "old": 0.8}, made={"new": made}) for made in (1, 19))
    assert (doubted.answered(), known.answered()) == (1, 0)


@pytest.mark.parametrize(
    ("made", "price", "probed"),
    [(LEAST - 1, 0.001, 1), (LEAST - 1, 0.003, 0), (LEAST, 0.001, 0)],
    ids=["a perfect answer would win", "not even a perfect answer would", "enough to conclude something"],
)
def test_at_first_predictions_of_its_quality_do_not_count(made: int, price: float, probed: int) -> None:
    world = World(predicted={"new": 0.2, "old": 0.8}, made={"new": made}, price=price)
    assert world.answered() == probed


@pytest.mark.parametrize(("quality", "runs"), [(0.5, 1), (None, 0)])
def test_where_nothing_is_predicted_an_answer_that_was_judged_is_used(quality: float | None, runs: int) -> None:
    assert World().answered(quality=quality) == runs


def test_a_request_that_named_its_model_is_not_used() -> None:
    assert World(predicted={"new": 0.9, "old": 0.1}).answered(policy=PINNED) == 0


def test_a_request_that_the_newcomer_may_not_take_is_not_used() -> None:
    assert World(predicted={"new": 0.9, "old": 0.1}, shut=True).answered() == 0


def test_probes_come_to_an_end() -> None:
    world = World(predicted={"new": 0.9, "old": 0.1}, made={"new": TRIES * LOOKS * PROBES - 2})
    assert [world.answered() for _ in range(4)] == [1, 2, 2, 2]


def test_the_count_of_all_processes_is_taken_up() -> None:
    world = World(predicted={"new": 0.9, "old": 0.1})
    world.made["new"] = TRIES * LOOKS * PROBES
    world.prober.refresh()
    assert world.answered() == 0


def test_a_failing_database_leaves_the_count_as_it_was() -> None:
    world = World(predicted={"new": 0.9, "old": 0.1})
    world.down = True
    world.prober.refresh()
    assert world.answered() == 1


def failed(run: Run) -> None:
    """Tell of a probe whose call failed."""
    assert run.ended
    run.ended(make_outcome(run.parent, history=(make_failed(),), served=None, status="failed"))


def test_after_a_call_that_failed_the_next_waits_and_after_another_twice_as_long() -> None:
    world = World(predicted={"new": 0.9, "old": 0.1})
    made = []
    for seconds in (0.0, 1.9, 0.2, 3.9, 0.2):
        world.time += seconds
        before = len(world.runs)
        made.append(world.answered() - before)
        if made[-1]:
            failed(world.runs[-1])
    assert made == [1, 0, 1, 0, 1]


def test_no_wait_is_longer_than_a_minute() -> None:
    world = World(predicted={"new": 0.9, "old": 0.1})
    world.answered()
    for _ in range(20):
        failed(world.runs[0])
    world.time = LONGEST_WAIT_S
    assert world.answered() == 2


def test_after_a_call_that_was_answered_nothing_waits() -> None:
    world = World(predicted={"new": 0.9, "old": 0.1})
    world.answered()
    failed(world.runs[0])
    assert world.runs[0].ended
    world.runs[0].ended(make_outcome(world.runs[0].parent))
    assert world.answered() == 2


def test_what_a_probe_is_expected_to_cost_is_told() -> None:
    world, decision = World(predicted={"new": 0.9, "old": 0.1}), make_decision()
    model = world.prober.due()
    assert model
    found = world.prober.weigh(model, ASK, decision=decision, outcome=make_outcome(decision))
    assert found
    assert found.price == PRICE


def test_a_model_that_got_worse_is_probed_again() -> None:
    world = World(predicted={"new": 0.1, "old": 0.9})
    worse = ModelEvent(model="old", at=NOW, before="active", state="degraded", reason="answers got worse")
    world.offered.change(worse)
    world.prober.pick = lambda n: n - 1
    world.made = {"new": 1000}
    world.prober.refresh()
    world.answered()
    assert world.runs[0].policy.model == "old"  # type: ignore[attr-defined]
    world.made["old"] = AGAIN
    world.prober.refresh()
    assert world.answered() == 1


def test_what_all_requests_that_were_looked_at_would_gain_is_remembered_while_a_model_is_probed() -> None:
    world = World(predicted={"new": 0.1, "old": 0.9}, made={"new": 1000})
    world.prober.probes = 1000
    assert world.answered() == 0
    (found,) = world.prober.prospects("new")
    assert (found.made, found.category) == (1000, make_context().category)
    assert found.gain == pytest.approx(0.0)
    world.offered.change(replace(begun(world.offered.record("new"), now=NOW), state="active", key=None))
    world.prober.refresh()
    assert world.prober.prospects("new") == ()


def test_a_newcomer_that_is_let_in_is_probed_no_more() -> None:
    world = World(predicted={"new": 0.9, "old": 0.1})
    record = world.offered.record("new")
    world.offered.change(replace(begun(record, now=NOW), state="active", key=None))
    assert world.answered() == 0
