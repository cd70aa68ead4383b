"""The learner learns each event once, publishes what it learned, and survives what can go wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from bandit_router.errors import CorruptArtifact, StoreUnavailable
from bandit_router.learner import Learner, teach
from bandit_router.protocols import Pupil
from bandit_router.types import Action, Event, Pmf, State, Version
from tests.factories import START, make_decision, make_outcome


@dataclass
class Notebook:
    """A policy that writes down the seq of each event."""

    seqs: list[int] = field(default_factory=list)
    name: str = "notebook"
    version: str = "0"

    def pmf(self, _state: State, actions: Sequence[Action], /) -> Pmf:
        return Pmf(probs=(1.0,) * len(actions))

    def learn(self, events: Sequence[Event], /) -> None:
        self.seqs.extend(event.seq for event in events)

    def dump(self) -> bytes:
        return json.dumps(self.seqs).encode()


@dataclass
class Store:
    """A journal, its versions and its lease, in memory."""

    length: int = 0
    published: list[Version] = field(default_factory=list)
    holder: str | None = None
    failing: bool = False

    def read(self, cursor: int, /, *, limit: int) -> Sequence[Event]:
        if self.failing:
            raise StoreUnavailable("told to fail")
        last = min(self.length, cursor + limit)
        return [make_event(seq) for seq in range(cursor + 1, last + 1)]

    def head(self) -> int:
        return self.length

    def latest(self, _policy: str, /, *, below: int | None = None) -> Version | None:
        return next((v for v in reversed(self.published) if below is None or v.number < below), None)

    def newest_number(self, policies: Sequence[str], /) -> dict[str, int]:
        return dict.fromkeys(policies, self.published[-1].number) if self.published else {}

    def publish(self, version: Version, /) -> None:
        self.published.append(version)

    def prune(self, _policy: str, *, keep: int) -> None:
        assert keep > 0

    def acquire(self, _name: str, holder: str, *, ttl_s: float, now: datetime) -> bool:
        assert ttl_s > 0
        assert now == START
        self.holder = self.holder or holder
        return self.holder == holder

    def release(self, _name: str, holder: str) -> None:
        self.holder = None if self.holder == holder else self.holder


def make_event(seq: int) -> Event:
    decision = make_decision(seq)
    return Event(seq=seq, kind="finished", decision=decision, outcome=make_outcome(decision))


def load(_name: str, version: Version | None) -> Pupil:
    if version and version.artifact == b"garbage":
        raise CorruptArtifact("garbage")
    return Notebook(json.loads(version.artifact) if version else [])


def learner(store: Store, holder: str = "me", *, spec_hash: str = "spec", from_head: bool = False) -> Learner:
    return Learner(
        spec_hashes={"notebook": spec_hash},
        load=load,
        source=store,
        versions=store,
        leases=store,
        holder=holder,
        now=lambda: START,
        batch=2,
        from_head=frozenset({"notebook"} if from_head else ()),
    )


def learned(store: Store) -> list[int]:
    return list(json.loads(store.published[-1].artifact))


def test_events_are_learned_in_order_over_batches_and_published_once() -> None:
    store = Store(length=5)
    assert learner(store).tick() == 5
    assert learned(store) == [1, 2, 3, 4, 5]
    assert len(store.published) == 1


def test_a_version_tells_its_lineage() -> None:
    store = Store(length=2)
    pupil = learner(store)
    pupil.tick()
    store.length = 3
    pupil.tick()
    version = store.published[-1]
    assert (version.number, version.parent, version.cursor, version.events) == (2, 1, 3, 3)


def test_nothing_is_published_when_nothing_is_new() -> None:
    store = Store(length=1)
    pupil = learner(store)
    pupil.tick()
    assert pupil.tick() == 0
    assert len(store.published) == 1


def test_a_restart_goes_on_where_the_last_version_stands() -> None:
    store = Store(length=3)
    learner(store).tick()
    store.length = 6
    learner(store).tick()
    assert learned(store) == [1, 2, 3, 4, 5, 6]


def test_while_another_holds_the_lease_nothing_is_learned() -> None:
    store = Store(length=3)
    learner(store, "first").tick()
    store.length = 6
    assert learner(store, "second").tick() == 0


def test_after_losing_the_lease_a_learner_starts_from_what_was_published() -> None:
    store = Store(length=2)
    mine, other = learner(store, "mine"), learner(store, "other")
    mine.tick()
    store.holder, store.length = "other", 4
    mine.tick()
    other.tick()
    store.holder, store.length = "mine", 6
    mine.tick()
    assert learned(store) == [1, 2, 3, 4, 5, 6]


def test_a_failed_tick_skips_and_repeats_no_event() -> None:
    store = Store(length=2)
    pupil = learner(store)
    pupil.tick()
    store.failing, store.length = True, 4
    with pytest.raises(StoreUnavailable):
        pupil.tick()
    store.failing = False
    pupil.tick()
    assert learned(store) == [1, 2, 3, 4]


def test_the_job_goes_on_after_a_failed_tick(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(length=2, failing=True)
    assert learner(store).tick_safely() == 0
    assert "the learner waits: told to fail" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_changed_spec_learns_the_journal_again_under_the_next_number() -> None:
    store = Store(length=2)
    learner(store).tick()
    learner(store, spec_hash="another").tick()
    assert learned(store) == [1, 2]
    assert (store.published[-1].number, store.published[-1].events) == (2, 2)


def test_what_only_looks_ahead_starts_at_the_end_of_the_journal() -> None:
    store = Store(length=3)
    pupil = learner(store, from_head=True)
    assert pupil.tick() == 0
    store.length = 5
    pupil.tick()
    assert learned(store) == [4, 5]


def test_a_version_that_cannot_be_read_is_passed_over_and_keeps_its_number() -> None:
    store = Store(length=2)
    learner(store).tick()
    store.published.append(replace(store.published[-1], number=2, artifact=b"garbage"))
    store.length = 4
    learner(store).tick()
    assert learned(store) == [1, 2, 3, 4]
    assert (store.published[-1].number, store.published[-1].parent) == (3, 1)


def test_when_no_version_can_be_read_the_journal_is_learned_again() -> None:
    store = Store(length=2)
    learner(store).tick()
    store.published[:] = [replace(store.published[-1], artifact=b"garbage")]
    learner(store).tick()
    assert learned(store) == [1, 2]
    assert (store.published[-1].number, store.published[-1].parent) == (2, None)


def test_a_learner_that_closes_leaves_the_lease_to_the_next() -> None:
    store = Store(length=2)
    first = learner(store, "first")
    first.tick()
    first.close()
    store.length = 4
    assert learner(store, "second").tick() == 2


def test_what_is_taught_can_change_while_it_runs() -> None:
    store = Store(length=2)
    teacher = learner(store)
    teacher.retarget({"second": "spec"})
    assert teacher.tick() == 2
    assert [version.policy for version in store.published] == ["second"]


@dataclass
class Forgetter(Notebook):
    """A policy that can forget, and writes that down too."""

    forgotten: list[tuple[str, int]] = field(default_factory=list)

    def forget(self, model: str, /) -> None:
        self.forgotten.append((model, len(self.seqs)))


def changed(seq: int, model: str) -> Event:
    return replace(make_event(seq), kind="changed", model=model)


def test_a_change_of_a_model_is_forgotten_at_its_place_and_not_learned() -> None:
    pupil = Forgetter()
    teach(pupil, [make_event(1), changed(2, "small"), changed(3, "large"), make_event(4)])
    assert (pupil.seqs, pupil.forgotten) == ([1, 4], [("small", 1), ("large", 1)])


def test_what_cannot_forget_learns_the_rest() -> None:
    pupil = Notebook()
    teach(pupil, [make_event(1), changed(2, "small"), make_event(3)])
    assert pupil.seqs == [1, 3]
