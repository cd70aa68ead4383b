"""A newcomer's way into the catalog: candidate, probed, let in or turned away, by itself or on an operator's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from bandit_router.errors import BadRequest
from bandit_router.registry.drift import Drift
from bandit_router.registry.life import SIDE_BY_SIDE, Life, Probation
from bandit_router.registry.lifecycle import added, approved, readmitted, retired, to_probe
from bandit_router.registry.offered import Offered
from bandit_router.registry.probation import GIVEN_UP, IDLE, PASSED_OVER
from bandit_router.settings import ModelSettings
from bandit_router.types import Comparison, ModelEvent, Quiet
from tests.unit.registry.test_offered import NOW, Kept, entry, names, no_prices

GOOD = [Comparison(category="maths", quality=0.9, cost=0.0, judging=0.0, baseline=0.2)] * 20
BAD = [Comparison(category="maths", quality=0.1, cost=0.5, judging=0.0, baseline=0.8)] * 20


@dataclass
class World:
    """A registry whose newcomers are probed, with what their probes came to."""

    probes: dict[str, Sequence[Comparison]] = field(default_factory=dict)
    quiet: dict[str, int] = field(default_factory=dict)
    """How many requests were made since a model was probed, or since its turn came."""
    paid: float = 0.0
    manual: bool = False
    now: datetime = NOW
    told: list[ModelEvent] = field(default_factory=list)
    kept: Kept = field(default_factory=Kept)

    def __post_init__(self) -> None:
        self.offered = Offered([entry("small")], prices=no_prices, records=self.kept, probed=True)
        self.offered.introduce(NOW)
        self.life = Life(
            offered=self.offered,
            drift=Drift,
            turn=lambda: True,
            tell=self.told.append,
            now=lambda: self.now,
            probation=Probation(
                probes=60,
                manual=self.manual,
                comparisons=lambda model, _since: self.probes.get(model, ()),
                quiet=self.passed_over,
                daily_usd=1.0,
                spent=lambda _day: self.paid,
                prospects=lambda _model: (),
            ),
        )

    def passed_over(self, since: Mapping[str, datetime]) -> Mapping[str, Quiet]:
        return {name: Quiet(since=moment, requests=self.quiet.get(name, 0)) for name, moment in since.items()}

    def add(self, name: str, price: float = 2.0) -> None:
        one = entry(name, price)
        record = self.offered.records.get(name)
        self.offered.add(one, added(name, record, now=self.now, reason="asked for", probed=True))

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += timedelta(seconds=1)
            self.life.tick()

    def state(self, name: str) -> str:
        return self.offered.record(name).state


def waiting(world: World) -> list[str]:
    return [model.name for model in world.offered.waiting.models]


def test_models_of_the_first_start_are_active_at_once() -> None:
    assert World().state("small") == "active"


def test_a_newcomer_waits_and_is_not_offered() -> None:
    world = World()
    world.add("new")
    assert (world.state("new"), names(world.offered), waiting(world)) == ("candidate", ["small"], ["new"])


def test_a_model_that_router_toml_gains_later_is_probed_too() -> None:
    world = World()
    world.offered.reload([entry("small"), entry("later")], now=NOW)
    assert (world.state("later"), names(world.offered)) == ("candidate", ["small"])


def test_another_process_that_reads_router_toml_first_does_not_offer_it_meanwhile() -> None:
    world = World()
    other = Offered([entry("small"), entry("later")], prices=no_prices, records=world.kept, probed=True)
    assert names(other) == ["small"]


def test_when_all_models_are_exchanged_the_new_ones_are_let_in() -> None:
    world = World()
    world.offered.reload([entry("a"), entry("b")], now=NOW)
    assert names(world.offered) == ["a", "b"]


def test_a_model_that_fuses_others_is_not_probed() -> None:
    world = World()
    fusion = ModelSettings.model_validate({"name": "fusion", "kind": "fuse", "through": "small"})
    world.offered.reload([entry("small"), fusion], now=NOW)
    assert "fusion" in names(world.offered)


def test_candidates_take_their_turn_in_the_order_they_came() -> None:
    world = World()
    for number in range(SIDE_BY_SIDE + 1):
        world.now += timedelta(minutes=1)
        world.add(f"new-{number}")
    world.tick()
    states = [world.state(f"new-{number}") for number in range(SIDE_BY_SIDE + 1)]
    assert states == ["probing"] * SIDE_BY_SIDE + ["candidate"]


def test_a_newcomer_worth_more_is_let_in_with_its_numbers() -> None:
    world = World(probes={"new": GOOD})
    world.add("new")
    world.tick(2)
    assert (world.state("new"), names(world.offered)) == ("active", ["small", "new"])
    assert world.told[-1].numbers["gain_in_place"] == pytest.approx(0.7)


def test_a_newcomer_that_could_win_nowhere_is_retired() -> None:
    world = World(probes={"new": BAD})
    world.add("new")
    world.tick(2)
    record = world.offered.record("new")
    assert (record.state, record.reason, names(world.offered)) == ("retired", "it could win nowhere", ["small"])


def test_the_next_candidate_has_its_turn_when_one_is_turned_away() -> None:
    world = World(probes={"new-0": BAD})
    for number in range(SIDE_BY_SIDE + 1):
        world.add(f"new-{number}")
    world.tick(2)
    assert world.state(f"new-{SIDE_BY_SIDE}") == "probing"


def crowded(*, idle: int, paid: float = 0.0, span: timedelta = IDLE) -> World:
    """Return a world with one newcomer more than are probed, some of which no request is worth a probe of."""
    world = World(quiet={f"new-{number}": PASSED_OVER for number in range(idle)}, paid=paid)
    for number in range(SIDE_BY_SIDE + 1):
        world.add(f"new-{number}")
    world.tick()
    world.now += span
    world.tick()
    return world


def test_newcomers_that_no_request_is_worth_a_probe_of_keep_nobody_waiting() -> None:
    assert crowded(idle=1).state(f"new-{SIDE_BY_SIDE}") == "probing"


@pytest.mark.parametrize(
    "world",
    [crowded(idle=0), crowded(idle=1, paid=0.95), crowded(idle=1, span=IDLE / 2)],
    ids=["all are probed", "there is no money", "for too short a time"],
)
def test_newcomers_that_may_be_probed_yet_keep_their_places(world: World) -> None:
    assert world.state(f"new-{SIDE_BY_SIDE}") == "candidate"


def passed_over(requests: int, probes: Sequence[Comparison] = (), *, span: timedelta = GIVEN_UP) -> World:
    """Return a world whose newcomer was passed over by so many requests since its turn came."""
    world = World(probes={"new": probes}, quiet={"new": requests})
    world.add("new")
    world.tick()
    world.now += span
    world.tick()
    return world


def test_a_newcomer_that_no_request_is_worth_a_probe_of_is_retired_after_some_days() -> None:
    record = passed_over(PASSED_OVER).offered.record("new")
    assert (record.state, record.reason) == ("retired", "no request was worth a probe at its price")
    assert record.numbers == {"probes": 0, "passed_over": PASSED_OVER}


def test_what_few_probes_said_counts_when_there_are_to_be_no_more() -> None:
    bad, good = (passed_over(PASSED_OVER, probes[:4]).offered.record("new") for probes in (BAD, GOOD))
    assert (bad.state, bad.reason, good.state) == ("retired", "it could win nowhere", "active")


@pytest.mark.parametrize(
    "world",
    [passed_over(PASSED_OVER - 1), passed_over(PASSED_OVER, span=GIVEN_UP / 2)],
    ids=["there were few requests", "it was not for long"],
)
def test_a_newcomer_waits_while_requests_may_come_that_are_worth_it(world: World) -> None:
    assert world.state("new") == "probing"


def test_with_manual_approval_one_that_could_win_waits_and_is_probed_no_more() -> None:
    world = World(probes={"new": GOOD}, manual=True)
    world.add("new")
    world.tick(4)
    record = world.offered.record("new")
    assert (record.state, to_probe(record), len(world.told)) == ("probing", False, 2)
    world.offered.change(approved(record, now=world.now, reason="we want it"))
    assert names(world.offered) == ["small", "new"]


def test_an_operator_lets_a_candidate_in_at_any_time() -> None:
    world = World()
    world.add("new")
    world.offered.change(approved(world.offered.record("new"), now=NOW, reason="known"))
    assert "new" in names(world.offered)


def test_only_newcomers_can_be_approved() -> None:
    with pytest.raises(BadRequest, match="is active; only a candidate"):
        approved(World().offered.record("small"), now=NOW, reason="?")


def test_a_newcomer_is_approved_and_not_readmitted() -> None:
    world = World()
    world.add("new")
    with pytest.raises(BadRequest, match="approve it"):
        readmitted(world.offered.record("new"), now=NOW, reason="?")


def test_a_candidate_that_is_changed_stays_a_candidate() -> None:
    world = World()
    world.add("new")
    world.tick()
    world.add("new", 3.0)
    assert world.state("new") == "probing"


def test_a_newcomer_turned_away_is_probed_anew_when_it_is_added_again() -> None:
    world = World(probes={"new": BAD})
    world.add("new")
    world.tick(2)
    world.probes = {}
    world.add("new", 0.1)
    world.tick()
    assert world.state("new") == "probing"


def test_a_candidate_can_be_retired() -> None:
    world = World()
    world.add("new")
    world.offered.change(retired(world.offered.record("new"), now=NOW, reason="no"))
    assert waiting(world) == []


def test_who_waits_moves_nobodys_tier() -> None:
    world = World()
    world.add("free", 0.01)
    assert world.offered.catalog.models[0].tier == 0
