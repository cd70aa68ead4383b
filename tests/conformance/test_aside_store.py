"""What is run beside users' requests is told apart in the store, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from bandit_router.reward.feedback import combine
from bandit_router.store.append import Queueing
from bandit_router.store.events import Events
from bandit_router.store.log import Log
from bandit_router.store.reviews import Reviews
from bandit_router.store.spending import Spending
from bandit_router.types import Decision
from tests.factories import START, make_decision, make_outcome

USER = make_decision(1, experiment="trial", arm="control")
PROBE = make_decision(2, kind="probe", parent=USER.id)
SHADOW = make_decision(3, kind="shadow", parent=USER.id, experiment="trial", arm="bandit")


@pytest.fixture
async def log(engine: Engine) -> AsyncIterator[Log]:
    opened = Log(engine, log_text="full", queueing=Queueing(why=lambda _: "audit", daily_limit=9, reviewers=1))
    for decision in (USER, PROBE, SHADOW):
        await opened.decided(decision)
        await opened.finished(make_outcome(decision))
    yield opened
    opened.close()


@pytest.fixture
def events(engine: Engine, log: Log) -> Events:
    return Events(engine, combine=combine)


def test_the_bills_of_one_shadow_are_added_up(engine: Engine, log: Log) -> None:
    spending, bill = Spending(engine), make_outcome(SHADOW).cost_usd
    assert bill > 0
    assert spending.of_arm("trial", "bandit", START - timedelta(1)) == pytest.approx(bill)
    assert spending.of_arm("trial", "control", START - timedelta(1)) == 0
    assert spending.of_arm("trial", "bandit", START + timedelta(1)) == 0


def test_learners_read_every_kind(events: Events) -> None:
    read = [event.decision for event in events.read(0, limit=9)]
    assert [(each.kind, each.parent) for each in read] == [
        ("served", None),
        ("probe", USER.id),
        ("shadow", USER.id),
    ]


def test_one_kind_can_be_read_by_itself(events: Events) -> None:
    assert [event.decision.id for event in events.read(0, limit=9, kind="probe")] == [PROBE.id]


def test_exports_and_reports_get_what_users_were_served(events: Events) -> None:
    assert [each.decision.id for each in events.finished(0, limit=9)] == [USER.id]


def test_an_experiment_is_of_the_requests_that_users_sent(events: Events) -> None:
    assert [event.decision.id for event in events.read(0, limit=9, experiment="trial")] == [USER.id]


def test_the_shadows_of_an_experiment_are_read_on_request(events: Events) -> None:
    found = events.read(0, limit=9, experiment="trial", kind="shadow")
    assert [event.decision.arm for event in found] == ["bandit"]


def test_only_what_a_user_got_is_queued_for_review(engine: Engine, log: Log) -> None:
    assert [item.decision_id for item in Reviews(engine, log_text="full", keep=timedelta(days=30)).list(now=START)] == [
        USER.id
    ]


@pytest.mark.parametrize("decision", [PROBE, SHADOW])
def test_the_bills_of_a_kind_are_summed_from_a_moment_on(engine: Engine, log: Log, decision: Decision) -> None:
    spending, of = Spending(engine), decision.kind
    assert of != "served"
    assert spending.since(of, START) == pytest.approx(make_outcome(decision).cost_usd)
    assert spending.since(of, START + timedelta(days=1)) == 0.0
