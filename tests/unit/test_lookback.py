"""Which requests that are kept models are probed with, when, and at what cost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bandit_router.aside import Purse, Run
from bandit_router.errors import StoreUnavailable
from bandit_router.lookback import AT_ONCE, IDLE_S, SETTLED, Lookback
from bandit_router.policy.load import PINNED
from bandit_router.registry.lifecycle import begun
from bandit_router.store.events import Account
from bandit_router.types import Asked, Decision, Hints
from tests.factories import START, make_decision, make_outcome
from tests.unit.registry.test_offered import NOW
from tests.unit.test_prober import PRICE
from tests.unit.test_prober import World as Probing

MESSAGES = [{"role": "user", "content": "What is kept?"}]
ASKED = Asked(params={"temperature": 0.5}, hints=Hints(deny=frozenset({"old"}), max_cost_usd=0.5))
KEEP = timedelta(hours=24)


@dataclass(kw_only=True)
class World:
    """Requests that are kept, the newcomer of the prober's tests, and the log, which learns of no probe."""

    count: int = 5
    policy: str = "live"
    predicted: float = 0.9
    leads: bool = True
    down: bool = False
    budget_usd: float = 100.0
    time: float = 100.0
    looks: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    forgotten: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.probing = Probing(predicted={"new": self.predicted, "old": 0.1})
        self.lookback = Lookback(
            prober=self.probing.prober,
            kept=self,
            account=self.account,
            purse=Purse(daily_usd=self.budget_usd, spent=lambda _: 0.0),
            keep=KEEP,
            turn=lambda: self.leads,
            now=lambda: START,
            clock=lambda: self.time,
            sample=lambda ids, n: ids[:n],
            on_loop=run,
        )

    @property
    def decisions(self) -> dict[str, Decision]:
        made = [make_decision(number, policy=self.policy, tenant="team") for number in range(self.count)]
        return {each.id: each for each in made}

    def unprobed(self, model: str, /, *, since: datetime, until: datetime, limit: int) -> Sequence[str]:
        if self.down:
            raise StoreUnavailable("down")
        self.looks.append((model, since, until))
        return list(self.decisions)[:limit]

    def asked(self, _decision_id: str, /) -> Asked | None:
        return ASKED

    def forget(self, before: datetime, /) -> int:
        if self.down:
            raise StoreUnavailable("down")
        self.forgotten.append(before)
        return 0

    def account(self, decision_id: str) -> Account:
        decision = self.decisions[decision_id]
        return Account(
            decision=decision, outcome=make_outcome(decision), prompt=json.dumps(MESSAGES), answers=(), feedback=()
        )

    def looked(self, times: int = 1, *, every_s: float = 1.0) -> list[Run]:
        """Let it look so many times; return what was started by then."""
        for _ in range(times):
            self.lookback.tick()
            self.time += every_s
        return self.probing.runs


def run(coroutine: Coroutine[Any, Any, int]) -> int:
    return asyncio.run(coroutine)


def test_a_request_is_put_to_the_newcomer_as_it_was_sent() -> None:
    started = World().looked()[0]
    assert (started.kind, started.once, started.parent.id) == ("probe", True, make_decision(0).id)
    assert [dict(each) for each in started.ask.request.messages] == MESSAGES
    assert (started.ask.request.params, started.ask.hints) == (ASKED.params, ASKED.hints)
    assert started.ask.tenant == "team"


def test_only_what_has_settled_and_may_still_be_kept_is_looked_at() -> None:
    world = World()
    world.looked()
    assert world.looks == [("new", START - KEEP, START - SETTLED)]


def test_a_few_are_started_at_a_time_and_none_twice() -> None:
    world = World(count=5)
    started = [len(world.looked()) for _ in range(4)]
    assert started == [AT_ONCE, 2 * AT_ONCE, 5, 5]
    assert len({each.parent.id for each in world.probing.runs}) == 5


def test_a_process_that_does_not_lead_starts_nothing() -> None:
    assert World(leads=False).looked() == []


def test_where_no_model_is_to_be_probed_nothing_is_read() -> None:
    world = World()
    offered = world.probing.offered
    offered.change(replace(begun(offered.record("new"), now=NOW), state="active", key=None))
    world.looked()
    assert world.looks == []


@pytest.mark.parametrize(
    "world",
    [World(predicted=-2.0), World(policy=PINNED), World(budget_usd=PRICE / 2)],
    ids=["could change nothing", "named its model", "cannot be paid for"],
)
def test_a_request_that_is_not_worth_it_is_not_used(world: World) -> None:
    assert world.looked() == []


def test_no_more_is_started_than_can_be_paid_for() -> None:
    assert len(World(budget_usd=1.5 * PRICE).looked()) == 1


def test_after_a_look_that_found_nothing_the_model_is_left_alone_for_a_while() -> None:
    world = World(predicted=-2.0)
    world.looked(3, every_s=0.4 * IDLE_S)
    assert len(world.looks) == 1
    world.looked()
    assert len(world.looks) == 2


def test_a_database_that_is_down_is_complained_of_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    world = World(down=True)
    assert world.looked() == []
    world.lookback.forget()
    assert len(caplog.records) == 2
    world.down = False
    assert len(world.looked()) == AT_ONCE


def test_what_is_too_old_is_deleted() -> None:
    world = World()
    world.lookback.forget()
    assert world.forgotten == [START - KEEP]
