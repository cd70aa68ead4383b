"""The gate lets a version serve unless replay rules it worse, and spends little time on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from bandit_router.errors import CorruptArtifact, PromotionConflict, StoreUnavailable
from bandit_router.evaluate import Estimate
from bandit_router.gate import Gate
from bandit_router.replay.compare import Comparison
from bandit_router.types import Promotion, Serving, Version
from tests.factories import START


def make_version(number: int, *, spec_hash: str = "spec") -> Version:
    return Version(
        policy="pupil",
        number=number,
        artifact=b"",
        checksum="",
        cursor=0,
        events=0,
        spec_hash=spec_hash,
        parent=None,
        created_at=START,
    )


def earns(low: float, high: float) -> Comparison:
    value = (low + high) / 2
    return Comparison(decisions=500, difference=Estimate(value=value, low=low, high=high, n=500, ess=400.0))


@dataclass
class Store:
    """Versions and what was decided of them, in memory."""

    published: list[Version] = field(default_factory=list)
    chosen: Serving | None = None
    decided: list[Promotion] = field(default_factory=list)
    failing: bool = False
    faster: bool = False

    def latest(self, _policy: str, /, *, below: int | None = None) -> Version | None:
        return next((v for v in reversed(self.published) if below is None or v.number < below), None)

    def newest_number(self, policies: Sequence[str], /) -> Mapping[str, int]:
        if self.failing:
            raise StoreUnavailable("told to fail")
        return dict.fromkeys(policies, self.published[-1].number) if self.published else {}

    def serving(self, _policies: Sequence[str] | None = None, /) -> Mapping[str, Serving]:
        return {"pupil": self.chosen} if self.chosen else {}

    def note(self, decision: Promotion, /) -> None:
        if self.faster:
            raise PromotionConflict("somebody was faster")
        self.decided.append(decision)
        if decision.kind == "promoted":
            self.chosen = serving(decision.number)


def serving(number: int, *, pinned: bool = False) -> Serving:
    return Serving(policy="pupil", number=number, pinned=pinned, since=START, reason="")


@dataclass
class Clock:
    """Seconds; a replay takes one."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Lately:
    """What happened of late."""

    change: int = 0
    users: tuple[str, ...] = ("pupil",)

    def last_change(self) -> int:
        return self.change

    def deciding(self) -> tuple[str, ...]:
        return self.users


def unasked(_candidate: Version, _serving: Version) -> Comparison:
    raise AssertionError("nothing is to be replayed")


def gate(
    store: Store,
    replay: Callable[[Version, Version], Comparison] = unasked,
    *,
    clock: Clock | None = None,
    effort: Clock | None = None,
    lately: Lately | None = None,
    turn: bool = True,
) -> Gate:
    return Gate(
        hashes=lambda: {"pupil": "spec"},
        versions=store,
        promotions=store,
        replay=replay,
        turn=lambda: turn,
        now=lambda: START,
        recent=lately or Lately(),
        clock=clock or Clock(),
        effort=effort or Clock(),
    )


def two() -> Store:
    return Store(published=[make_version(1), make_version(2)], chosen=serving(1))


def test_the_first_version_serves_without_being_compared() -> None:
    store = Store(published=[make_version(1)])
    gate(store).tick()
    assert [(each.kind, each.number, each.over) for each in store.decided] == [("promoted", 1, None)]


def test_a_version_that_is_ruled_worse_does_not_serve_and_the_numbers_are_kept() -> None:
    store = two()
    gate(store, lambda *_: earns(-0.3, -0.1)).tick()
    (refusal,) = store.decided
    assert (refusal.kind, refusal.number, refusal.over, refusal.by) == ("refused", 2, 1, "gate")
    assert refusal.numbers["high"] == -0.1
    assert "worse: on 500 recent decisions it earns -0.2000 (-0.3000 to -0.1000)" in refusal.reason


@pytest.mark.parametrize("interval", [(-0.3, 0.1), (0.1, 0.2), (0.0, 0.0)])
def test_a_version_that_is_not_ruled_worse_serves(interval: tuple[float, float]) -> None:
    store = two()
    gate(store, lambda *_: earns(*interval)).tick()
    assert [(each.kind, each.number) for each in store.decided] == [("promoted", 2)]


def test_where_the_log_cannot_tell_a_version_serves_and_it_is_said_why() -> None:
    store = two()
    gate(store, lambda *_: Comparison(decisions=7, why="only 7 recent decisions")).tick()
    assert store.decided[0].kind == "promoted"
    assert "only 7 recent decisions" in store.decided[0].reason


def test_a_version_that_cannot_be_read_is_refused() -> None:
    def unreadable(_candidate: Version, _serving: Version) -> Comparison:
        raise CorruptArtifact("garbage")

    store = two()
    gate(store, unreadable).tick()
    assert store.decided[0].kind == "refused"


def test_a_changed_policy_is_not_held_against_what_its_old_file_learned() -> None:
    store = Store(published=[make_version(1, spec_hash="old"), make_version(2)], chosen=serving(1))
    gate(store).tick()
    assert (store.decided[0].kind, store.chosen and store.chosen.number) == ("promoted", 2)


def test_what_served_and_is_gone_does_not_hold_up_what_comes() -> None:
    store = Store(published=[make_version(2)], chosen=serving(1))
    gate(store).tick()
    assert "cannot be read" in store.decided[0].reason


def test_a_refused_version_is_looked_at_once_and_the_next_one_again() -> None:
    store = two()
    looking = gate(store, lambda *_: earns(-0.3, -0.1))
    looking.tick()
    looking.tick()
    store.published.append(make_version(3))
    looking.tick()
    assert [each.number for each in store.decided] == [2, 3]


def test_a_refused_version_is_looked_at_again_once_another_serves() -> None:
    store = two()
    found = [earns(-0.3, -0.1), earns(0.1, 0.3)]
    looking = gate(store, lambda *_: found.pop(0))
    looking.tick()
    store.chosen = serving(0)
    store.published.insert(0, make_version(0))
    looking.tick()
    assert [each.kind for each in store.decided] == ["refused", "promoted"]


def test_while_a_version_is_pinned_none_is_looked_at() -> None:
    store = two()
    store.chosen = serving(1, pinned=True)
    gate(store).tick()
    assert store.decided == []


def test_what_serves_already_is_not_looked_at() -> None:
    store = two()
    store.chosen = serving(2)
    gate(store).tick()
    assert store.decided == []


def test_only_the_process_whose_turn_it_is_decides() -> None:
    store = two()
    gate(store, turn=False).tick()
    assert store.decided == []


@dataclass
class Slow:
    """A gate whose looks take a second of a processor, and on a busy machine four by the clock."""

    lately: Lately = field(default_factory=Lately)
    store: Store = field(default_factory=two)
    clock: Clock = field(default_factory=Clock)
    effort: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.gate = gate(self.store, self._look, clock=self.clock, effort=self.effort, lately=self.lately)
        self.gate.tick()
        self.store.published.append(make_version(3))

    def _look(self, _candidate: Version, _serving: Version) -> Comparison:
        self.clock.seconds += 4
        self.effort.seconds += 1
        return earns(-0.1, 0.1)

    def decided(self, at: float) -> list[int]:
        self.clock.seconds = at
        self.gate.tick()
        return [each.number for each in self.store.decided]


def test_after_a_look_that_took_a_second_of_a_processor_the_next_one_comes_nine_later() -> None:
    slow = Slow()
    assert slow.decided(4 + 8.9) == [2]
    assert slow.decided(4 + 9.1) == [2, 3]


def test_a_policy_that_decides_nothing_is_looked_at_for_a_hundredth_of_the_time() -> None:
    slow = Slow(lately=Lately(users=()))
    assert slow.decided(4 + 98.9) == [2]
    assert slow.decided(4 + 99.1) == [2, 3]


def test_a_policy_that_is_called_for_need_not_wait_for_its_turn_as_one_that_was_not() -> None:
    slow = Slow(lately=Lately(users=()))
    slow.lately.users = ("pupil",)
    assert slow.decided(4 + 9.1) == [2, 3]


def test_where_a_model_has_changed_the_next_look_comes_at_once_and_only_once() -> None:
    slow = Slow()
    slow.lately.change = 77
    assert slow.decided(5) == [2, 3]
    slow.store.published.append(make_version(4))
    assert slow.decided(9 + 8.9) == [2, 3]


def test_when_somebody_decided_meanwhile_the_gate_says_nothing_more() -> None:
    store = two()
    store.faster = True
    gate(store, lambda *_: earns(0.1, 0.2)).tick()
    assert store.decided == []


def test_a_store_that_is_down_does_not_end_the_job(caplog: pytest.LogCaptureFixture) -> None:
    store = two()
    store.failing = True
    gate(store).tick_safely()
    assert "the gate waits" in caplog.text


def test_a_replay_that_fails_does_not_end_the_job(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_candidate: Version, _serving: Version) -> Comparison:
        raise ZeroDivisionError

    store = two()
    gate(store, broken).tick_safely()
    assert "the gate failed" in caplog.text
    assert store.decided == []
