"""Every part of the store, through one suite on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta, timezone
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, event, select, text, update

from bandit_router.errors import CorruptArtifact, RecordRejected, StoreUnavailable, UnknownDecision, VersionConflict
from bandit_router.reward.feedback import combine
from bandit_router.store import tables
from bandit_router.store.events import Events, Lag
from bandit_router.store.keys import Keys
from bandit_router.store.leases import Leases
from bandit_router.store.log import Log
from bandit_router.store.session import open_engine, reading, writing
from bandit_router.store.versions import Versions, checksum
from bandit_router.types import Completion, Event, Version
from tests.factories import (
    START,
    make_context,
    make_decision,
    make_failed,
    make_feedback,
    make_judged,
    make_outcome,
    make_step,
)


def facts(noun: Any) -> Any:
    """Return a noun in a form that compares bit for bit; an answer's text is not read back with its attempt."""
    if isinstance(noun, np.ndarray):
        return (noun.dtype.str, noun.tobytes())
    if isinstance(noun, Completion):
        return None
    if dataclasses.is_dataclass(noun):
        return {field.name: facts(getattr(noun, field.name)) for field in dataclasses.fields(noun)}
    if isinstance(noun, Mapping):
        return {name: facts(value) for name, value in noun.items()}
    return [facts(value) for value in noun] if isinstance(noun, tuple) else noun


@pytest.fixture
async def log(engine: Engine) -> AsyncIterator[Log]:
    opened = Log(engine, log_text="full")
    yield opened
    opened.close()


@pytest.fixture
def events(engine: Engine) -> Events:
    return Events(engine, combine=combine)


async def finish(log: Log, *numbers: int) -> None:
    for number in numbers:
        await log.decided(make_decision(number))
        await log.finished(make_outcome(number))


# The log and the journal


async def test_a_finished_decision_is_read_back_bit_for_bit(log: Log, events: Events) -> None:
    awkward = (0.1 + 0.2, 5e-324, 1 / 3)
    decision = make_decision(1, model="medium", tenant="team", session="s-1", user_hash="0f", value_s=7.5)
    decision = dataclasses.replace(decision, value_usd=awkward[0], context=make_context(3, confidence=awkward[1]))
    outcome = make_outcome(decision, models=("medium", "large"), quality=awkward[2], latency_s=0.1 + 0.7)
    await log.decided(decision)
    await log.finished(outcome)
    (read,) = events.read(0, limit=10)
    assert facts(read) == facts(Event(seq=1, kind="finished", decision=decision, outcome=outcome))
    assert read.outcome.cost_usd == outcome.cost_usd


async def test_what_is_known_of_models_is_read_back_with_the_actions(log: Log, events: Events) -> None:
    plain = make_decision(1)
    known = {"family": "ours", "line": "ours-1", "size_b": 1 / 3, "benchmarks": (("quiz", 0.1 + 0.2), ("exam", 0.5))}
    first, *others = plain.step.actions
    step = dataclasses.replace(plain.step, actions=(dataclasses.replace(first, **known), *others))  # type: ignore[arg-type]
    decision = dataclasses.replace(plain, step=step)
    await log.decided(decision)
    await log.finished(make_outcome(decision))
    (read,) = events.read(0, limit=10)
    assert read.decision.step.actions == step.actions


async def test_failed_attempts_and_unjudged_answers_are_read_back(log: Log, events: Events) -> None:
    decision = make_decision(1)
    unjudged = dataclasses.replace(make_judged(2, model="large"), judgement=None)
    undecided = make_judged(1, model="medium", quality=None)
    outcome = make_outcome(decision, history=(make_failed(0), undecided, unjudged), served=None, status="failed")
    await log.decided(decision)
    await log.finished(outcome)
    assert facts(events.read(0, limit=1)[0].outcome) == facts(outcome)


async def test_a_decision_that_never_finished_is_no_event(log: Log, events: Events) -> None:
    await log.decided(make_decision(1))
    assert events.read(0, limit=10) == []


async def test_the_journal_is_read_past_a_cursor_in_order(log: Log, events: Events) -> None:
    await finish(log, 3, 1, 2)
    whole = [event.decision.id for event in events.read(0, limit=10)]
    first = events.read(0, limit=2)
    rest = events.read(first[-1].seq, limit=2)
    assert whole == [event.decision.id for event in (*first, *rest)] == [make_decision(n).id for n in (3, 1, 2)]


async def test_a_time_is_read_back_in_utc_whatever_zone_it_was_given_in(log: Log, events: Events) -> None:
    elsewhere = START.astimezone(timezone(timedelta(hours=5, minutes=30)))
    await log.decided(make_decision(1, created_at=elsewhere))
    read = events.decision(make_decision(1).id).decision.created_at
    assert (read, read.utcoffset()) == (START, timedelta(0))


async def test_many_callers_are_all_written_once(log: Log, events: Events) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(200):
            group.create_task(finish(log, number))
    read = [event.decision.id for event in events.read(0, limit=1000)]
    assert sorted(read) == [make_decision(number).id for number in range(200)]


async def test_reading_takes_the_same_number_of_queries_for_one_event_and_for_many(
    log: Log, events: Events, engine: Engine
) -> None:
    await finish(log, *range(30))
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    events.read(0, limit=1)
    for_one = len(asked)
    events.read(0, limit=30)
    assert len(asked) == 2 * for_one


async def test_an_id_used_twice_is_refused_alone(log: Log, events: Events) -> None:
    await log.decided(make_decision(1))
    results = await asyncio.gather(
        log.decided(make_decision(2)),
        log.decided(make_decision(1)),
        log.decided(make_decision(3)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), RecordRejected, type(None)]
    assert events.decision(make_decision(3).id)


@pytest.mark.parametrize(
    "changes",
    [
        {"created_at": START.replace(tzinfo=None)},
        {"context": make_context(2, key=None)},
        {"step": make_step(chosen=10**30, pmf=[1.0])},
        {"policy": "\ud800"},
    ],
    ids=["naive time", "missing value", "nonsense", "half a character"],
)
async def test_a_record_that_cannot_be_kept_spares_its_neighbours(
    log: Log, events: Events, changes: dict[str, Any]
) -> None:
    bad = make_decision(2)
    for name, value in changes.items():
        object.__setattr__(bad, name, value)
    results = await asyncio.gather(
        *(log.decided(decision) for decision in (make_decision(1), bad, make_decision(3))), return_exceptions=True
    )
    assert results[0] is results[2] is None
    assert isinstance(results[1], RecordRejected | AttributeError | TypeError)
    with pytest.raises(UnknownDecision):
        events.decision(bad.id)


async def test_finishing_what_was_never_decided_is_refused(log: Log, events: Events) -> None:
    with pytest.raises(RecordRejected):
        await log.finished(make_outcome(1))
    assert events.head() == 0


async def test_finishing_twice_enters_the_journal_once(log: Log, events: Events) -> None:
    await finish(log, 1)
    with pytest.raises(RecordRejected):
        await log.finished(make_outcome(1))
    assert len(events.read(0, limit=10)) == 1


async def test_what_was_handed_over_before_close_is_written(engine: Engine, events: Events) -> None:
    log = Log(engine)
    calls = [asyncio.ensure_future(log.decided(make_decision(number))) for number in range(100)]
    await asyncio.sleep(0)  # lets every call hand over its record
    log.close()
    await asyncio.gather(*calls)
    assert events.decision(make_decision(99).id).decision.id == make_decision(99).id


async def test_a_closed_log_says_so(engine: Engine) -> None:
    log = Log(engine)
    log.close()
    log.close()
    with pytest.raises(StoreUnavailable, match="has stopped"):
        await log.decided(make_decision(1))


async def test_a_caller_that_gives_up_loses_nothing(log: Log, events: Events) -> None:
    call = asyncio.ensure_future(log.decided(make_decision(1)))
    await asyncio.sleep(0)
    call.cancel()
    await log.decided(make_decision(2))
    assert events.decision(make_decision(1).id).decision.id == make_decision(1).id


# Feedback


async def test_feedback_repeats_the_decision_with_the_mean_of_what_was_said(log: Log, events: Events) -> None:
    await finish(log, 1)
    for number, score in enumerate((1.0, 0.0, 0.7)):
        await log.feedback(make_feedback(number, decision=1, score=score))
    read = events.read(0, limit=10)
    assert [(event.kind, event.feedback) for event in read] == [
        ("finished", None),
        ("feedback", 1.0),
        ("feedback", 0.5),
        ("feedback", 1.7 / 3),
    ]
    assert {event.decision.id for event in read} == {make_decision(1).id}


async def test_a_review_overrides_in_the_journal_what_clients_said(log: Log, events: Events) -> None:
    await finish(log, 1)
    for number, (kind, score) in enumerate((("copied", 0.9), ("score", 1.0), ("review", 0.25), ("label", 1.0))):
        await log.feedback(make_feedback(number, decision=1, kind=kind, score=score))
    read = [event.feedback for event in events.read(0, limit=10)]
    assert read == [None, (0.7 + 0.25 * 0.9) / 1.25, 1.0, 0.25, 0.25]
    assert [given.kind for given in events.decision(make_decision(1).id).feedback] == [
        "copied",
        "score",
        "review",
        "label",
    ]


@pytest.mark.parametrize(("kinds", "truth"), [(["retry"], None), (["retry", "score"], 0.2)])
async def test_signs_alone_are_no_truth(log: Log, events: Events, kinds: list[str], truth: float | None) -> None:
    await finish(log, 1)
    for number, kind in enumerate(kinds):
        await log.feedback(make_feedback(number, decision=1, kind=kind, score=0.2))
    last = events.read(0, limit=10)[-1]
    assert (last.feedback is not None, last.truth) == (True, truth)


async def test_feedback_sent_twice_counts_once(log: Log, events: Events) -> None:
    await finish(log, 1)
    first = await log.feedback(make_feedback(1, decision=1, score=1.0))
    again = await log.feedback(make_feedback(1, decision=1, score=0.0))
    assert (first, again, events.read(1, limit=10)[-1].feedback) == (True, False, 1.0)


async def test_feedback_sent_twice_at_once_counts_once(log: Log, events: Events) -> None:
    await finish(log, 1)
    calls = [log.feedback(make_feedback(1, decision=1)) for _ in range(20)]
    assert sorted(await asyncio.gather(*calls)) == [False] * 19 + [True]
    assert len(events.read(0, limit=100)) == 2


@pytest.mark.parametrize("unknown", ["nobody", "\ud800", "a\x00b", ""])
async def test_feedback_on_an_unknown_decision_is_refused(log: Log, events: Events, unknown: str) -> None:
    with pytest.raises(UnknownDecision):
        await log.feedback(make_feedback(1, decision=make_decision(1, id=unknown or " ")))
    with pytest.raises(UnknownDecision):
        events.decision(unknown)


async def test_late_feedback_is_kept_but_no_event(log: Log, events: Events) -> None:
    await finish(log, 1)
    assert await log.feedback(make_feedback(1, decision=1, late=True))
    assert len(events.read(0, limit=10)) == 1
    assert [given.late for given in events.decision(make_decision(1).id).feedback] == [True]


async def test_late_feedback_does_not_change_what_was_said_in_time(log: Log, events: Events) -> None:
    await finish(log, 1)
    await log.feedback(make_feedback(1, decision=1, score=0.0, late=True))
    await log.feedback(make_feedback(2, decision=1, score=1.0))
    assert events.read(0, limit=10)[-1].feedback == 1.0


async def test_feedback_before_the_end_comes_with_the_end(log: Log, events: Events) -> None:
    await log.decided(make_decision(1))
    await log.feedback(make_feedback(1, decision=1, score=0.25))
    before = events.read(0, limit=10)
    await log.finished(make_outcome(1))
    assert before == []
    assert [(event.kind, event.feedback) for event in events.read(0, limit=10)] == [("finished", 0.25)]


async def test_an_event_holds_the_same_bits_however_late_it_is_read(log: Log, events: Events) -> None:
    await finish(log, 1, 2)
    await log.feedback(make_feedback(1, decision=1, score=0.1))
    early = events.read(0, limit=10)
    await log.feedback(make_feedback(2, decision=1, score=0.2))
    await log.feedback(make_feedback(3, decision=2, score=0.3))
    assert [facts(event) for event in events.read(0, limit=3)] == [facts(event) for event in early]


async def test_feedback_with_an_id_too_long_to_index_spares_its_neighbours(log: Log, events: Events) -> None:
    await finish(log, 1)
    endless = "".join(chr(33 + int(n)) for n in np.random.default_rng(0).integers(0, 90, size=20_000))
    calls = (make_feedback(1, decision=1), make_feedback(2, decision=1, id=endless))
    results = await asyncio.gather(*(log.feedback(call) for call in calls), return_exceptions=True)
    assert results[0] is True
    assert results[1] is True or isinstance(results[1], RecordRejected)  # PostgreSQL has a limit, SQLite has none
    assert not isinstance(await log.feedback(make_feedback(3, decision=1)), StoreUnavailable)


# One decision, the head and the lag


async def test_an_account_of_a_decision_holds_everything(log: Log, events: Events) -> None:
    decision = make_decision(1)
    outcome = make_outcome(decision, models=("small", "large"))
    said = (make_feedback(1, decision=1, label="good", comment="thanks"), make_feedback(2, decision=1, late=True))
    await log.decided(decision)
    await log.finished(outcome)
    for feedback in said:
        await log.feedback(feedback)
    account = events.decision(decision.id)
    assert facts(account.decision) == facts(decision)
    assert facts(account.outcome) == facts(outcome)
    assert account.feedback == said
    assert ["the answer of small" in str(account.answers[0]), "the answer of large" in str(account.answers[1])] == [
        True
    ] * 2


async def test_an_account_of_a_running_decision_has_no_outcome(log: Log, events: Events) -> None:
    await log.decided(make_decision(1))
    assert events.decision(make_decision(1).id).outcome is None


async def test_the_head_is_the_newest_event_and_not_feedback_that_waits_for_its_end(log: Log, events: Events) -> None:
    assert events.head() == 0
    await finish(log, 1)
    newest = events.head()
    await log.decided(make_decision(2))
    await log.feedback(make_feedback(1, decision=2))
    assert (newest, events.head()) == (events.read(0, limit=10)[-1].seq, newest)


async def test_the_lag_counts_events_and_the_age_of_the_oldest(log: Log, events: Events) -> None:
    await finish(log, 1, 2)
    await log.feedback(make_feedback(1, decision=1))
    now = make_outcome(2).finished_at + timedelta(minutes=30)
    first, second, third = (event.seq for event in events.read(0, limit=10))
    said = (now - make_feedback(1, decision=1).received_at).total_seconds()
    assert [events.lag(cursor, now=now) for cursor in (first, second, third)] == [
        Lag(events=2, seconds=1800.0),
        Lag(events=1, seconds=said),
        Lag(events=0, seconds=0.0),
    ]


# What text is kept


async def stored_text(engine: Engine, log_text: Any) -> str:
    """Return all text that the store holds of one request whose every part quotes its prompt."""
    log = Log(engine, log_text=log_text)
    secret = "my diary, ann@example.org"
    judged = make_judged(0)
    assert judged.judgement
    assert judged.attempt.completion
    completion = dataclasses.replace(judged.attempt.completion, message={"content": secret})
    verdict = dataclasses.replace(judged.judgement.verdicts[0], reason=secret)
    history = (
        dataclasses.replace(
            judged,
            attempt=dataclasses.replace(judged.attempt, completion=completion),
            judgement=dataclasses.replace(judged.judgement, verdicts=(verdict,)),
        ),
    )
    await log.decided(make_decision(1, messages=({"content": secret},)))
    await log.finished(make_outcome(1, history=history))
    log.close()
    with engine.connect() as connection:
        found = [
            connection.execute(select(table)).all() for table in (tables.decisions, tables.attempts, tables.judgements)
        ]
    return str(found)


async def test_no_text_is_kept_by_default(engine: Engine) -> None:
    assert "diary" not in await stored_text(engine, "none")


async def test_redacted_text_is_kept_without_what_identifies_a_person(engine: Engine) -> None:
    text = await stored_text(engine, "redacted")
    assert (text.count("my diary, [email]"), text.count("ann@example.org")) == (3, 0)


async def test_full_text_is_kept_as_it_is(engine: Engine) -> None:
    assert (await stored_text(engine, "full")).count("my diary, ann@example.org") == 3


# Writers side by side


def test_a_reader_misses_nothing_while_writers_race(database_url: str) -> None:
    writers, each = 4, 15

    def work(writer: int) -> None:
        engine = open_engine(database_url, busy_timeout_s=60)
        # Each takes a time of its own between drawing a number and committing it.
        event.listen(engine, "commit", lambda _connection: time.sleep(0.003 * writer))
        log = Log(engine)
        asyncio.run(finish(log, *range(writer * each, (writer + 1) * each)))
        log.close()
        engine.dispose()

    engine = open_engine(database_url)
    events, read = Events(engine, combine=combine), list[Event]()
    threads = [threading.Thread(target=work, args=(i,)) for i in range(writers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or events.head() > (read[-1].seq if read else 0):
        read += events.read(read[-1].seq if read else 0, limit=7)
    engine.dispose()
    assert sorted(event.decision.id for event in read) == [make_decision(n).id for n in range(writers * each)]


async def test_feedback_sent_twice_to_two_processes_counts_once(database_url: str, log: Log, events: Events) -> None:
    await finish(log, 1)
    engine = open_engine(database_url, busy_timeout_s=60)
    other = Log(engine)
    sent = [make_feedback(number, decision=1) for number in range(50)]
    calls = [each.feedback(feedback) for feedback in sent for each in (log, other)]
    results = await asyncio.gather(*calls)
    other.close()
    engine.dispose()
    assert (results.count(True), results.count(False)) == (50, 50)
    assert events.lag(0, now=START).events == 51


def test_a_journal_number_is_not_drawn_while_an_earlier_one_is_uncommitted(database_url: str) -> None:
    first, second = open_engine(database_url), open_engine(database_url, busy_timeout_s=60)
    row = {"kind": "finished", "decision_id": "decision-000001"}
    journal, drawn = tables.journal, threading.Event()

    def draw() -> None:
        with writing(second, journal=True) as connection:
            connection.execute(journal.insert(), row)
            drawn.set()

    with writing(first) as connection:
        decision = make_decision(1)
        log_row = {
            "id": decision.id,
            "created_at": START,
            "tenant": "",
            "policy": "p",
            "version": "1",
            "value_usd": 1.0,
        }
        context = {"category": "c", "confidence": 1.0, "surface": {}, "embedding": b"", "context_key": "k"}
        connection.execute(tables.decisions.insert(), log_row | context)
    racer = threading.Thread(target=draw)
    with writing(first, journal=True) as connection:
        connection.execute(journal.insert(), row)
        racer.start()
        was_drawn_early = drawn.wait(0.3)
    racer.join()
    first.dispose()
    second.dispose()
    assert (was_drawn_early, drawn.is_set()) == (False, True)


# Versions


def make_version(number: int = 1, *, artifact: bytes = b"weights", **changes: Any) -> Version:
    given: dict[str, Any] = {
        "policy": "vw_cb",
        "number": number,
        "artifact": artifact,
        "checksum": checksum(artifact),
        "cursor": 10 * number,
        "events": 10 * number,
        "spec_hash": "spec",
        "parent": number - 1 or None,
        "created_at": START,
    }
    return Version(**(given | changes))


@pytest.fixture
def versions(engine: Engine) -> Versions:
    return Versions(engine)


def corrupt(engine: Engine, number: int) -> None:
    with writing(engine) as connection:
        connection.execute(update(tables.versions).where(tables.versions.c.number == number).values(artifact=b"weigh"))


def test_a_policy_that_published_nothing_has_no_latest_version(versions: Versions) -> None:
    assert versions.latest("vw_cb") is None


def test_the_latest_version_is_read_back_whole(versions: Versions) -> None:
    newest = make_version(2, artifact=bytes(range(256)) * 1000)
    versions.publish(make_version(1))
    versions.publish(newest)
    versions.publish(make_version(9, policy="another"))
    assert versions.latest("vw_cb") == newest


def test_a_number_published_twice_is_a_conflict(versions: Versions) -> None:
    versions.publish(make_version(1))
    with pytest.raises(VersionConflict, match="vw_cb version 1"):
        versions.publish(make_version(1, artifact=b"others"))
    latest = versions.latest("vw_cb")
    assert latest
    assert latest.artifact == b"weights"


def test_an_artifact_that_does_not_match_its_checksum_is_not_published(versions: Versions) -> None:
    with pytest.raises(CorruptArtifact):
        versions.publish(make_version(1, checksum=checksum(b"something else")))
    assert versions.latest("vw_cb") is None


def test_a_corrupt_version_is_passed_over_and_logged(
    versions: Versions, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 3):
        versions.publish(make_version(number))
    corrupt(engine, 3)
    assert versions.latest("vw_cb") == make_version(2)
    assert "version 3 does not match its checksum" in caplog.text


def test_only_corrupt_versions_are_none_at_all(versions: Versions, engine: Engine) -> None:
    versions.publish(make_version(1))
    corrupt(engine, 1)
    assert versions.latest("vw_cb") is None


def test_the_newest_numbers_are_told_of_those_that_have_one(versions: Versions) -> None:
    for number in (1, 2):
        versions.publish(make_version(number))
    versions.publish(make_version(7, policy="another"))
    assert versions.newest_number(["vw_cb", "another", "static"]) == {"vw_cb": 2, "another": 7}


def test_pruning_keeps_the_newest_artifacts_and_the_whole_history(versions: Versions, engine: Engine) -> None:
    for number in (1, 2, 5, 8):
        versions.publish(make_version(number))
    versions.publish(make_version(1, policy="another"))
    dropped = versions.prune("vw_cb", keep=2), versions.prune("vw_cb", keep=2)
    assert dropped == (2, 0)
    with reading(engine) as connection:
        kept = connection.execute(text("SELECT number, length(artifact) FROM versions WHERE policy = 'vw_cb'")).all()
    assert sorted(map(tuple, kept)) == [(1, None), (2, None), (5, 7), (8, 7)]
    assert versions.latest("another") == make_version(1, policy="another")


def test_pruning_fewer_versions_than_are_kept_drops_none(versions: Versions) -> None:
    versions.publish(make_version(1))
    assert versions.prune("vw_cb", keep=2) == 0


# Leases


@pytest.fixture
def leases(engine: Engine) -> Leases:
    return Leases(engine)


def test_a_free_lease_is_taken_by_one(leases: Leases) -> None:
    taken = [leases.acquire("learner", holder, ttl_s=10, now=START) for holder in ("a", "b", "a")]
    assert taken == [True, False, True]


def test_an_expired_lease_is_taken_over(leases: Leases) -> None:
    leases.acquire("learner", "a", ttl_s=10, now=START)
    early, late = (leases.acquire("learner", "b", ttl_s=10, now=START + timedelta(seconds=s)) for s in (9.999, 10))
    assert (early, late) == (False, True)


def test_a_lease_taken_again_by_its_holder_is_held_longer(leases: Leases) -> None:
    leases.acquire("learner", "a", ttl_s=10, now=START)
    assert leases.acquire("learner", "a", ttl_s=10, now=START + timedelta(seconds=9))
    assert not leases.acquire("learner", "b", ttl_s=10, now=START + timedelta(seconds=15))


def test_anothers_lease_is_not_released(leases: Leases) -> None:
    leases.acquire("learner", "a", ttl_s=10, now=START)
    leases.release("learner", "b")
    assert not leases.acquire("learner", "b", ttl_s=10, now=START)


def test_a_released_lease_is_free(leases: Leases) -> None:
    leases.acquire("learner", "a", ttl_s=10, now=START)
    leases.release("learner", "a")
    assert leases.acquire("learner", "b", ttl_s=10, now=START)


@pytest.mark.parametrize("before", [False, True], ids=["free", "expired"])
def test_of_many_that_want_a_lease_at_once_one_gets_it(engine: Engine, leases: Leases, before: bool) -> None:
    if before:
        leases.acquire("learner", "old", ttl_s=10, now=START - timedelta(days=1))
    start, taken = threading.Barrier(8), list[bool]()

    def want(holder: str) -> None:
        start.wait()
        taken.append(Leases(engine).acquire("learner", holder, ttl_s=10, now=START))

    threads = [threading.Thread(target=want, args=(str(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]


# Keys


@pytest.fixture
def keys(engine: Engine) -> Keys:
    return Keys(engine)


def test_a_key_is_known_by_its_text(keys: Keys) -> None:
    plaintext = keys.create("team", now=START, value_usd=0.02)
    info = keys.verify(plaintext)
    assert info
    assert (info.name, info.value_usd, info.created_at, info.revoked_at) == ("team", 0.02, START, None)
    assert plaintext.startswith("br-")
    assert len(plaintext) >= 40


@pytest.mark.parametrize("wrong", ["", "br-", "\ud800", "br-" + "x" * 43])
def test_an_unknown_key_is_nobodys(keys: Keys, wrong: str) -> None:
    keys.create("team", now=START)
    assert keys.verify(wrong) is None


def test_a_revoked_key_is_nobodys(keys: Keys) -> None:
    plaintext = keys.create("team", now=START)
    info = keys.verify(plaintext)
    assert info
    assert (keys.revoke(info.id, now=START), keys.revoke(info.id, now=START)) == (True, False)
    assert keys.verify(plaintext) is None
    assert [key.revoked_at for key in keys.list()] == [START]


def test_an_administrators_key_is_known_as_one(keys: Keys) -> None:
    found = [keys.verify(keys.create("team", now=START, admin=admin)) for admin in (False, True)]
    assert [info.admin for info in found if info] == [False, True]


def test_what_goes_with_a_key_can_be_changed_until_it_is_revoked(keys: Keys) -> None:
    plaintext = keys.create("team", now=START, value_usd=0.02)
    info = keys.verify(plaintext)
    assert info
    assert keys.update(info.id, value_s=30.0, admin=True)
    changed = keys.verify(plaintext)
    assert changed
    assert (changed.value_usd, changed.value_s, changed.admin) == (0.02, 30.0, True)
    keys.revoke(info.id, now=START)
    assert not keys.update(info.id, admin=False)


def test_the_key_itself_is_not_kept(keys: Keys, engine: Engine) -> None:
    plaintext = keys.create("team", now=START)
    with engine.connect() as connection:
        kept = str(connection.execute(select(tables.keys)).all())
    assert plaintext not in kept
    assert plaintext.removeprefix("br-") not in kept


def test_keys_are_listed_in_the_order_they_were_made(keys: Keys) -> None:
    for seconds, name in enumerate(("first", "second", "third")):
        keys.create(name, now=START + timedelta(seconds=seconds))
    assert [key.name for key in keys.list()] == ["first", "second", "third"]
