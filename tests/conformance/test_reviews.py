"""The review queue, through one suite on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from bandit_router.errors import RecordRejected, ReviewConflict, UnknownReview
from bandit_router.reward.feedback import combine
from bandit_router.store.append import Queueing
from bandit_router.store.events import Events
from bandit_router.store.log import Log
from bandit_router.store.reviews import STATUSES, Item, Reviews
from bandit_router.store.session import open_engine
from bandit_router.types import AUDIT, Feedback
from tests.factories import START, make_decision, make_feedback, make_outcome

HOLD = timedelta(minutes=15)
LATER = START + timedelta(hours=1)
KEEP = timedelta(days=30)


def queueing(*, daily_limit: int = 100, reviewers: int = 1, audited: tuple[str, ...] = ()) -> Queueing:
    return Queueing(
        why=lambda outcome: AUDIT if outcome.decision_id in audited else "margin",
        daily_limit=daily_limit,
        reviewers=reviewers,
        for_audits=daily_limit // 2 if audited else 0,
    )


async def finish(log: Log, *numbers: int, day: int = 0) -> None:
    for number in numbers:
        decision = make_decision(number, created_at=START + timedelta(days=day, seconds=number))
        await log.decided(decision)
        await log.finished(make_outcome(decision))


def review(item: Item | int, score: float = 1.0, *, number: int = 0) -> Feedback:
    decision = item if isinstance(item, int) else make_decision(id=item.decision_id)
    return make_feedback(number, decision=decision, score=score, kind="review", received_at=LATER)


@pytest.fixture
async def log(engine: Engine) -> AsyncIterator[Log]:
    opened = Log(engine, log_text="full", queueing=queueing())
    yield opened
    opened.close()


@pytest.fixture
async def log_for_two(engine: Engine) -> AsyncIterator[Log]:
    opened = Log(engine, log_text="full", queueing=queueing(reviewers=2))
    yield opened
    opened.close()


@pytest.fixture
def reviews(engine: Engine) -> Reviews:
    return Reviews(engine, log_text="full", keep=KEEP)


def take(reviews: Reviews, reviewer: str = "ann", *, minutes: float = 0.0) -> str | None:
    item = reviews.claim(reviewer, now=LATER + timedelta(minutes=minutes), hold=HOLD)
    return item and item.decision_id


def ids(*numbers: int) -> list[str]:
    return [make_decision(number).id for number in numbers]


# Queueing


async def test_an_answer_with_a_reason_is_queued_when_it_is_finished(log: Log, reviews: Reviews) -> None:
    await finish(log, 1)
    (item,) = reviews.list(now=LATER)
    assert (item.decision_id, item.reason, item.status, item.grades) == (make_decision(1).id, "margin", "open", 0)
    assert (item.model, item.quality, item.category) == ("small", 0.7, "maths")


async def test_an_answer_without_a_reason_is_not_queued(engine: Engine, reviews: Reviews) -> None:
    log = Log(engine, queueing=Queueing(why=lambda _: None, daily_limit=10, reviewers=1))
    await finish(log, 1)
    log.close()
    assert reviews.list(now=LATER) == []


async def test_finishing_twice_queues_once(log: Log, reviews: Reviews) -> None:
    await finish(log, 1)
    with pytest.raises(RecordRejected):
        await log.finished(make_outcome(1))
    assert reviews.open(now=LATER) == 1


async def test_no_more_are_queued_in_a_day_than_its_limit_and_the_next_day_starts_anew(
    engine: Engine, reviews: Reviews
) -> None:
    log = Log(engine, queueing=queueing(daily_limit=3))
    await asyncio.gather(*(finish(log, number) for number in range(10)))
    await finish(log, *range(10, 20), day=1)
    log.close()
    days = [item.queued_at.date() for item in reviews.list(now=LATER)]
    assert [days.count(START.date() + timedelta(days=day)) for day in (0, 1)] == [3, 3]


async def test_doubts_leave_room_for_audits_and_audits_for_doubts(engine: Engine, reviews: Reviews) -> None:
    log = Log(engine, queueing=queueing(daily_limit=4, audited=tuple(ids(6, 7, 8, 11, 12))))
    await finish(log, *range(1, 9))
    await finish(log, *range(11, 19), day=1)
    log.close()
    queued = [item.decision_id for item in reviews.list(now=LATER)]
    assert queued == ids(1, 2, 6, 7, 11, 12, 13, 14)


async def test_a_grade_tells_those_who_read_events_why_its_answer_was_queued(engine: Engine, reviews: Reviews) -> None:
    log = Log(engine, log_text="full", queueing=queueing(audited=tuple(ids(1))))
    await finish(log, 1, 2)
    await log.feedback(make_feedback(9, decision=make_decision(2)))
    for number in (1, 2):
        take(reviews)
        reviews.grade("ann", review(number, number=number))
    log.close()
    heard = [event.heard for event in Events(engine, combine=combine).read(0, limit=9)]
    said = {(each.decision_id, each.kind, each.queued_for) for told in heard for each in told}
    assert said == {(*ids(2), "score", ""), (*ids(1), "review", AUDIT), (*ids(2), "review", "margin")}


async def test_the_limit_holds_for_all_processes_together(database_url: str) -> None:
    engines = [open_engine(database_url, busy_timeout_s=60) for _ in range(4)]
    logs = [Log(engine, queueing=queueing(daily_limit=7)) for engine in engines]
    await asyncio.gather(*(finish(log, *range(20 * n, 20 * n + 10)) for n, log in enumerate(logs)))
    for log in logs:
        log.close()
    assert Reviews(engines[0], log_text="none", keep=KEEP).open(now=LATER) == 7
    for engine in engines:
        engine.dispose()


async def test_what_is_over_the_limit_is_finished_all_the_same(engine: Engine) -> None:
    log = Log(engine, queueing=queueing(daily_limit=1))
    await finish(log, 1, 2, 3)
    log.close()
    assert len(Events(engine, combine=combine).read(0, limit=10)) == 3


# Claims


async def test_items_are_handed_out_oldest_first_and_to_one_reviewer_each(log: Log, reviews: Reviews) -> None:
    await finish(log, 1, 2)
    assert [take(reviews, who) for who in ("ann", "bob", "eve")] == [*ids(1, 2), None]


async def test_a_reviewer_who_claims_again_gets_what_they_hold(log: Log, reviews: Reviews) -> None:
    await finish(log, 1, 2)
    assert [take(reviews), take(reviews)] == ids(1, 1)


async def test_a_claim_expires(log: Log, reviews: Reviews) -> None:
    await finish(log, 1)
    take(reviews)
    early, late = take(reviews, "bob", minutes=14.9), take(reviews, "bob", minutes=15)
    assert (early, late) == (None, make_decision(1).id)


async def test_what_is_given_back_can_be_claimed_by_anybody(log: Log, reviews: Reviews) -> None:
    await finish(log, 1)
    take(reviews)
    reviews.release(make_decision(1).id, "ann")
    assert [take(reviews, "bob"), take(reviews, "ann")] == [make_decision(1).id, None]


async def test_one_item_can_be_asked_for_by_name_and_items_by_reason(log: Log, reviews: Reviews) -> None:
    await finish(log, 1, 2)
    item = reviews.claim("ann", now=LATER, hold=HOLD, decision_id=make_decision(2).id)
    assert item
    assert item.decision_id == make_decision(2).id
    assert reviews.claim("bob", now=LATER, hold=HOLD, reason="audit") is None


async def test_of_many_that_want_the_last_item_at_once_one_gets_it(log: Log, engine: Engine) -> None:
    await finish(log, 1)
    start, taken = threading.Barrier(6), list[str | None]()

    def want(reviewer: str) -> None:
        start.wait()
        taken.append(take(Reviews(engine, log_text="full", keep=KEEP), reviewer))

    threads = [threading.Thread(target=want, args=(str(i),)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found for found in taken if found] == [make_decision(1).id]


# Grades


async def test_a_grade_is_ground_truth_for_every_learner(log: Log, engine: Engine, reviews: Reviews) -> None:
    await finish(log, 1)
    await log.feedback(make_feedback(7, decision=1, score=1.0))
    item = reviews.claim("ann", now=LATER, hold=HOLD)
    assert item
    reviews.grade("ann", review(item, 0.25))
    events = Events(engine, combine=combine)
    assert [(e.kind, e.feedback) for e in events.read(0, limit=10)][-1] == ("feedback", 0.25)
    assert [given.kind for given in events.decision(item.decision_id).feedback] == ["score", "review"]


async def test_a_graded_item_is_done(log: Log, reviews: Reviews) -> None:
    await finish(log, 1)
    take(reviews)
    reviews.grade("ann", review(1))
    assert [(item.status, item.done_at, item.grades) for item in reviews.list(now=LATER)] == [("done", LATER, 1)]
    assert (reviews.open(now=LATER), reviews.list(now=LATER, status="open"), take(reviews, "bob")) == (0, [], None)


async def test_two_reviewers_grade_one_item_and_never_the_same_twice(log_for_two: Log, reviews: Reviews) -> None:
    await finish(log_for_two, 1)
    assert [take(reviews, "ann"), take(reviews, "bob"), take(reviews, "eve")] == [*ids(1, 1), None]
    reviews.grade("ann", review(1, 1.0, number=1))
    assert (take(reviews, "ann"), reviews.open(now=LATER)) == (None, 1)
    reviews.grade("bob", review(1, 0.0, number=2))
    assert reviews.open(now=LATER) == 0
    assert [(grade.reviewer, grade.score) for grade in reviews.grades()] == [("ann", 1.0), ("bob", 0.0)]


async def test_what_was_not_claimed_cannot_be_graded(log: Log, reviews: Reviews, engine: Engine) -> None:
    await finish(log, 1)
    with pytest.raises(ReviewConflict, match="claim it first"):
        reviews.grade("ann", review(1))
    assert len(Events(engine, combine=combine).read(0, limit=10)) == 1


async def test_a_grade_cannot_be_given_twice(log_for_two: Log, reviews: Reviews) -> None:
    await finish(log_for_two, 1)
    take(reviews)
    reviews.grade("ann", review(1, number=1))
    with pytest.raises(ReviewConflict):
        reviews.grade("ann", review(1, number=2))
    assert len(reviews.grades()) == 1


async def test_an_expired_claim_is_good_as_long_as_nobody_else_took_it(log: Log, reviews: Reviews) -> None:
    await finish(log, 1)
    take(reviews, "ann", minutes=-60)
    take(reviews, "bob", minutes=-10)
    with pytest.raises(ReviewConflict, match="expired"):
        reviews.grade("ann", review(1, number=1))
    reviews.release(make_decision(1).id, "bob")
    reviews.grade("ann", review(1, number=2))
    assert reviews.open(now=LATER) == 0


async def test_what_is_not_in_the_queue_cannot_be_graded(reviews: Reviews) -> None:
    with pytest.raises(UnknownReview):
        reviews.grade("ann", review(1))


async def test_a_skipped_item_goes_to_others_and_not_back(log: Log, reviews: Reviews) -> None:
    await finish(log, 1)
    take(reviews)
    reviews.pass_on(make_decision(1).id, "ann", now=LATER)
    assert [take(reviews, "ann"), take(reviews, "bob")] == [None, make_decision(1).id]


async def test_an_escalated_item_goes_to_others_before_all_else_with_its_note(log: Log, reviews: Reviews) -> None:
    await finish(log, 1, 2)
    item = reviews.claim("ann", now=LATER, hold=HOLD, decision_id=make_decision(2).id)
    assert item
    reviews.pass_on(item.decision_id, "ann", now=LATER, escalate=True, comment="ask a lawyer")
    assert [take(reviews, "ann"), take(reviews, "bob")] == ids(1, 2)
    assert reviews.notes(item.decision_id) == ["ask a lawyer"]


async def test_items_are_listed_by_status_and_reason(log: Log, reviews: Reviews) -> None:
    await finish(log, 1, 2, 3)
    take(reviews)
    reviews.grade("ann", review(1))
    listed = {
        status: [item.decision_id for item in reviews.list(now=LATER, status=status)]
        for status in ("open", "done", None)  # type: ignore[var-annotated]
    }
    assert listed == {"open": ids(2, 3), "done": ids(1), None: ids(2, 3, 1)}
    assert (reviews.list(now=LATER, reason="audit"), len(reviews.list(now=LATER, limit=2))) == ([], 2)


# Expiry


async def test_an_item_that_has_waited_for_too_long_is_handed_out_no_more(log: Log, reviews: Reviews) -> None:
    await finish(log, 1)
    late = START + KEEP + timedelta(minutes=1)
    assert reviews.claim("ann", now=late, hold=HOLD) is None
    assert (reviews.open(now=late), reviews.open(now=LATER)) == (0, 1)


async def test_an_item_that_has_waited_for_too_long_is_listed_as_expired(log: Log, reviews: Reviews) -> None:
    await finish(log, 1)
    await finish(log, 2, day=2)
    late = START + KEEP + timedelta(days=1)
    assert [item.status for item in reviews.list(now=late)] == ["expired", "open"]
    found = {status: len(reviews.list(now=late, status=status)) for status in STATUSES}
    assert found == {"open": 1, "done": 0, "expired": 1}


async def test_a_claim_taken_in_time_may_still_be_graded(log: Log, reviews: Reviews) -> None:
    await finish(log, 1)
    almost = START + KEEP - timedelta(minutes=1)
    assert reviews.claim("ann", now=almost, hold=HOLD) is not None
    reviews.grade("ann", review(1))
    assert [item.status for item in reviews.list(now=almost + timedelta(days=9))] == ["done"]
