"""A poisoned version is refused and a good one serves, by replay of what is in the database."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from bandit_router.bootstrap.gating import make_gate, make_switch
from bandit_router.bootstrap.stores import Stores
from bandit_router.gate import Gate
from bandit_router.live import Live
from bandit_router.policy.load import build, spec_hash
from bandit_router.policy.spec import KINDS, Spec
from bandit_router.protocols import LearningPolicy, Policy
from bandit_router.replay.record import Record
from bandit_router.reward.utility import reward
from bandit_router.settings import Settings
from bandit_router.store.log import Log
from bandit_router.trials import Trials
from bandit_router.types import Event, ModelEvent, Version
from simulate.bench.stream import make_stream
from simulate.replaying.world import Logging, make_world, setting
from tests.factories import START

DECISIONS = 200
SPEC: Spec = KINDS["learned"].model_validate({"kind": "learned", "name": "pupil", "min_judging": 1.0})
"""Spreads its starts evenly until it has learned 200 answers, so that anything else can be replayed on its log."""


def fresh() -> LearningPolicy:
    policy = build({"pupil": SPEC}, {}, reward=reward)["pupil"]
    assert isinstance(policy, LearningPolicy)
    return policy


@pytest.fixture(scope="module")
def records() -> list[Record]:
    world, policy = make_world(DECISIONS, 1), fresh()
    played = Logging(world, make_stream(world, setting(DECISIONS), 1), DECISIONS)
    played.play(lambda _: policy, lambda _: None)
    return played.records


def learned(events: Sequence[Event], *, number: int) -> Version:
    """Return what is learned of events, which come often enough to end the even spread."""
    policy = fresh()
    policy.learn([*events, *events])
    return version(policy, number)


def version(policy: LearningPolicy, number: int) -> Version:
    artifact = policy.dump()
    return Version(
        policy="pupil",
        number=number,
        artifact=artifact,
        checksum=hashlib.sha256(artifact).hexdigest(),
        cursor=number,
        events=number,
        spec_hash=spec_hash(SPEC),
        parent=None,
        created_at=START,
    )


def poisoned(record: Record) -> Event:
    """Return an event that says that only the dearest model is any good."""
    history = tuple(
        replace(judged, judgement=replace(judged.judgement, quality=float(judged.attempt.model == "large")))
        for judged in record.outcome.history
        if judged.judgement
    )
    return replace(record, outcome=replace(record.outcome, history=history)).event


@pytest.fixture
def settings(database_url: str) -> Settings:
    model = {"name": "small", "target": "openai/small"}
    return Settings.model_validate({"store": {"url": database_url}, "models": [model]})


@pytest.fixture
def stores(settings: Settings) -> Iterator[Stores]:
    opened = Stores.open(settings)
    yield opened
    opened.log.close()
    opened.engine.dispose()


@pytest.fixture
def gate(settings: Settings, stores: Stores) -> Gate:
    made = make_gate(settings, Trials(stores.experiments, {"pupil": SPEC}), stores, turn=lambda: True)
    made.effort = lambda: 0.0  # it need not rest between looks
    return made


async def _enter(log: Log, records: Sequence[Record]) -> None:
    for record in records:
        await log.decided(record.decision)
        await log.finished(record.outcome)


def decisions(stores: Stores) -> list[tuple[str, int]]:
    return [(each.kind, each.number) for each in reversed(stores.promotions.history("pupil"))]


def test_a_poisoned_version_is_refused_and_a_good_one_serves(gate: Gate, stores: Stores, records: list[Record]) -> None:
    asyncio.run(_enter(stores.log, records))
    candidates = (
        version(fresh(), 1),
        learned([poisoned(record) for record in records], number=2),
        learned([record.event for record in records], number=3),
    )
    for candidate in candidates:
        stores.versions.publish(candidate)
        gate.tick()
    assert decisions(stores) == [("promoted", 1), ("refused", 2), ("promoted", 3)]
    refusal = stores.promotions.history("pupil")[1]
    assert refusal.numbers["high"] < 0
    assert refusal.numbers["decisions"] == DECISIONS


def test_only_what_was_decided_since_a_model_changed_speaks_for_or_against_a_version(
    gate: Gate, stores: Stores, records: list[Record]
) -> None:
    bad = learned([poisoned(record) for record in records], number=2)
    asyncio.run(_enter(stores.log, records[: DECISIONS // 2]))
    stores.roster.note(ModelEvent(model="large", at=START, reason="answers got worse", changed=True))
    stores.versions.publish(version(fresh(), 1))
    gate.tick()
    stores.versions.publish(bad)
    gate.tick()
    newest = stores.promotions.history("pupil")[0]
    assert newest.kind == "promoted"
    assert "only 0 recent decisions since a model changed" in newest.reason
    asyncio.run(_enter(stores.log, records[DECISIONS // 2 :]))
    stores.versions.publish(replace(bad, number=3))
    gate.tick()
    assert stores.promotions.history("pupil")[0].numbers["decisions"] == DECISIONS // 2


def test_without_recent_decisions_versions_serve_as_they_come(gate: Gate, stores: Stores) -> None:
    for number in (1, 2):
        stores.versions.publish(version(fresh(), number))
        gate.tick()
    assert decisions(stores) == [("promoted", 1), ("promoted", 2)]


def test_what_is_served_follows_the_gate_a_rollback_and_a_release(
    gate: Gate, stores: Stores, settings: Settings
) -> None:
    served: Live[Policy] = Live(
        learning=["pupil"],
        versions=stores.served(gated=True),
        build=lambda found: build({"pupil": SPEC}, found, reward=reward),
    )

    def number() -> int:
        served.refresh()
        return served.numbers["pupil"]

    switch = make_switch(settings, stores.engine)
    for one in (1, 2):
        stores.versions.publish(version(fresh(), one))
        gate.tick()
    assert number() == 2
    switch.rollback("pupil", to=None, by="me", reason="")
    assert number() == 1
    stores.versions.publish(version(fresh(), 3))
    gate.tick()
    assert number() == 1
    switch.release("pupil", by="me", reason="")
    gate.tick()
    assert number() == 3


def test_the_newest_decisions_are_replayed(stores: Stores, records: list[Record]) -> None:
    asyncio.run(_enter(stores.log, records[:9]))
    assert len(stores.events.finished(stores.events.tail(4), limit=100)) == 4
    assert len(stores.events.finished(stores.events.tail(50), limit=100)) == 9
