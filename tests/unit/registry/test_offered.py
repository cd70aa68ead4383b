"""What is offered follows router.toml and the database, and what comes of drift is entered once."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bandit_router.errors import BadRequest, ConfigError, StoreUnavailable
from bandit_router.registry.drift import Change, Drift
from bandit_router.registry.life import Life
from bandit_router.registry.lifecycle import added, readmitted, retired
from bandit_router.registry.offered import Offered
from bandit_router.registry.watch_file import FileWatch
from bandit_router.settings import ModelSettings
from bandit_router.types import ListPrice, ModelEvent, ModelRecord

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass
class Kept:
    """Records in memory."""

    down: bool = False
    events: list[ModelEvent] = field(default_factory=list)
    rows: dict[str, ModelRecord] = field(default_factory=dict)

    def records(self) -> Sequence[ModelRecord]:
        return list(self.rows.values())

    def head(self) -> int:
        if self.down:
            raise StoreUnavailable("down")
        return len(self.events)

    def noted(self, reason: str) -> Sequence[ModelEvent]:
        return [event for event in self.events if event.reason == reason]

    def note(self, event: ModelEvent, *, entry: dict[str, object] | None = None) -> bool:
        if event.key in [each.key for each in self.events if each.key]:
            return False
        self.events.append(event)
        if event.state:
            before = self.rows.get(event.model)
            self.rows[event.model] = ModelRecord(
                name=event.model,
                state=event.state,
                since=event.at,
                reason=event.reason,
                numbers=event.numbers,
                entry=entry or (before.entry if before else None),
            )
        return True


def entry(name: str, price: float = 1.0, **kw: object) -> ModelSettings:
    prices = {"input_usd_per_million": price, "output_usd_per_million": price}
    return ModelSettings.model_validate({"name": name, "target": f"openai/{name}", **prices, **kw})


def no_prices(_target: str) -> ListPrice | None:
    return None


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def offered(kept: Kept) -> Offered:
    made = Offered([entry("small"), entry("large", 20.0)], prices=no_prices, records=kept)
    made.introduce(NOW)
    return made


def names(offered: Offered) -> list[str]:
    return [model.name for model in offered.catalog.models]


def add(offered: Offered, one: ModelSettings) -> None:
    offered.add(one, added(one.name, offered.records.get(one.name), now=NOW, reason="asked for"))


def test_each_model_of_the_file_gets_a_state_once(offered: Offered, kept: Kept) -> None:
    Offered([entry("small"), entry("large", 20.0)], prices=no_prices, records=kept).introduce(NOW)
    assert [(event.model, event.state) for event in kept.events] == [("small", "active"), ("large", "active")]


def test_what_one_process_adds_another_offers_at_its_next_look(offered: Offered, kept: Kept) -> None:
    other = Offered([entry("small")], prices=no_prices, records=kept)
    add(offered, entry("medium", 5.0))
    assert "medium" in names(offered)
    assert other.refresh()
    assert "medium" in names(other)
    assert not other.refresh()


def test_an_added_model_stands_on_the_tier_of_its_price(offered: Offered) -> None:
    add(offered, entry("medium", 15.0))
    add(offered, entry("tiny", 0.9))
    tiers = {model.name: model.tier for model in offered.catalog.models}
    assert (tiers["medium"], tiers["tiny"]) == (tiers["large"], tiers["small"])
    assert tiers["large"] > tiers["small"]


def test_a_tier_follows_a_change_of_price(offered: Offered) -> None:
    add(offered, entry("medium", 15.0))
    add(offered, entry("medium", 1.0))
    medium, small = offered.catalog.get("medium"), offered.catalog.get("small")
    assert medium is not None
    assert small is not None
    assert (medium.tier, medium.input_usd_per_token) == (small.tier, small.input_usd_per_token)


def test_a_model_without_a_price_is_refused(offered: Offered) -> None:
    with pytest.raises(BadRequest, match="has no price"):
        add(offered, ModelSettings(name="medium", target="openai/medium"))
    assert "medium" not in names(offered)


def test_a_model_of_the_file_is_changed_in_the_file(offered: Offered) -> None:
    with pytest.raises(BadRequest, match=r"router\.toml"):
        add(offered, entry("small", 2.0))


def test_a_retired_model_is_not_offered_until_it_is_readmitted(offered: Offered) -> None:
    offered.change(retired(offered.record("large"), now=NOW, reason="dear"))
    assert names(offered) == ["small"]
    offered.change(readmitted(offered.record("large"), now=NOW, reason="again"))
    assert names(offered) == ["small", "large"]


def changes(kept: Kept) -> list[str]:
    """Return the models of which learners are told to trust less in what they know."""
    return [event.model for event in kept.events if event.changed]


def test_what_was_learned_of_a_model_that_comes_back_counts_for_less(offered: Offered, kept: Kept) -> None:
    offered.change(retired(offered.record("large"), now=NOW, reason="dear"))
    assert changes(kept) == []
    offered.change(readmitted(offered.record("large"), now=NOW, reason="again"))
    assert changes(kept) == ["large"]


def test_it_does_when_it_is_added_again_and_when_the_file_names_it_again(offered: Offered, kept: Kept) -> None:
    add(offered, entry("extra"))
    offered.change(retired(offered.record("extra"), now=NOW, reason="dear"))
    add(offered, entry("extra"))
    assert changes(kept) == ["extra"]
    offered.reload([entry("small")], now=NOW)
    offered.reload([entry("small"), entry("large", 20.0)], now=NOW)
    assert changes(kept) == ["extra", "large"]


def test_a_degraded_model_that_is_accepted_as_it_is_was_forgotten_at_its_alarm(
    offered: Offered, kept: Kept, drift: Drift, life: Life
) -> None:
    drift.changes = [change(7, "worse", 0.7, 0.4)]
    life.tick()
    offered.change(readmitted(offered.record("large"), now=NOW, reason="good enough"))
    assert changes(kept) == ["large"]


def test_what_an_operator_retired_stays_so_when_the_service_starts_again(offered: Offered, kept: Kept) -> None:
    offered.change(retired(offered.record("large"), now=NOW, reason="dear"))
    again = Offered([entry("small"), entry("large", 20.0)], prices=no_prices, records=kept)
    again.introduce(NOW)
    assert names(again) == ["small"]


def test_a_catalog_that_was_read_stays_as_it_was(offered: Offered) -> None:
    catalog = offered.catalog
    offered.change(retired(offered.record("large"), now=NOW, reason="dear"))
    assert catalog.get("large") is not None


def test_reading_the_file_again_adds_changes_and_retires(offered: Offered) -> None:
    offered.reload([entry("small", 3.0), entry("medium", 5.0)], now=NOW)
    assert names(offered) == ["small", "medium"]
    assert offered.catalog.models[0].input_usd_per_token == pytest.approx(3e-6)
    assert (offered.record("large").state, offered.record("large").reason) == ("retired", "taken out of router.toml")
    offered.reload([entry("small", 3.0), entry("large", 20.0)], now=NOW)
    assert names(offered) == ["small", "large"]


def test_a_file_that_is_wrong_changes_nothing(offered: Offered) -> None:
    with pytest.raises(ConfigError):
        offered.reload([ModelSettings(name="medium", target="openai/medium")], now=NOW)
    assert names(offered) == ["small", "large"]


def test_an_entry_that_cannot_be_read_does_not_take_the_others_down(kept: Kept) -> None:
    kept.rows["odd"] = ModelRecord(name="odd", state="active", since=NOW, reason="", entry={"nam": "odd"})
    assert names(Offered([entry("small")], prices=no_prices, records=kept)) == ["small"]


def test_a_model_cannot_be_added_under_the_name_of_a_policy(kept: Kept) -> None:
    offered = Offered([entry("small")], prices=no_prices, records=kept, taken=("live",))
    with pytest.raises(BadRequest, match="a policy is named 'live'"):
        add(offered, entry("live"))


def test_what_was_added_under_the_name_of_a_policy_does_not_take_its_requests(
    offered: Offered, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    add(offered, entry("live"))
    assert names(Offered([entry("small")], prices=no_prices, records=kept, taken=("live",))) == ["small"]
    assert "model live is left out: a policy has its name" in caplog.text


def test_without_the_database_all_stays_as_it_was(offered: Offered, kept: Kept) -> None:
    kept.down = True
    assert not offered.refresh()
    assert names(offered) == ["small", "large"]


def change(seq: int, kind: str, expected: float, seen: float, model: str = "large") -> Change:
    return Change(seq=seq, model=model, kind=kind, expected=expected, seen=seen, uses=90, category="maths")  # type: ignore[arg-type]


@pytest.fixture
def drift() -> Drift:
    return Drift()


@pytest.fixture
def told() -> list[ModelEvent]:
    return []


@pytest.fixture
def life(offered: Offered, drift: Drift, told: list[ModelEvent]) -> Life:
    return Life(offered=offered, drift=lambda: drift, turn=lambda: True, tell=told.append, now=lambda: NOW)


def test_an_alarm_degrades_a_model_and_tells_of_it_once(
    offered: Offered, drift: Drift, life: Life, told: list[ModelEvent], caplog: pytest.LogCaptureFixture
) -> None:
    drift.changes = [change(7, "worse", 0.7, 0.4)]
    with caplog.at_level(logging.WARNING):
        life.tick()
        life.tick()
    assert (offered.record("large").state, names(offered)) == ("degraded", ["small", "large"])
    assert [(event.model, event.state, event.numbers["expected"]) for event in told] == [("large", "degraded", 0.7)]
    assert "answers got worse" in caplog.text


def test_another_process_does_not_tell_again(
    offered: Offered, drift: Drift, life: Life, told: list[ModelEvent]
) -> None:
    drift.changes = [change(7, "worse", 0.7, 0.4)]
    life.tick()
    Life(offered=offered, drift=lambda: drift, turn=lambda: True, tell=told.append, now=lambda: NOW).tick()
    assert len(told) == 1


def test_a_degraded_model_is_active_again_once_it_is_back(offered: Offered, drift: Drift, life: Life) -> None:
    drift.changes = [change(7, "worse", 0.7, 0.4), change(9, "better", 0.4, 0.5)]
    life.tick()
    assert offered.record("large").state == "degraded"
    drift.changes = [*drift.changes, change(11, "better", 0.5, 0.68)]
    life.tick()
    assert offered.record("large").state == "active"


def test_a_model_that_recovered_before_it_was_known_anew_is_active_too(offered: Offered, life: Life) -> None:
    class Known(Drift):
        def expected(self, model: str) -> float | None:
            return 0.66

    known = Known()
    life.drift = lambda: known
    known.changes = [change(7, "worse", 0.7, 0.4)]
    life.tick()
    assert (offered.record("large").state, offered.record("large").numbers) == ("active", {"quality": 0.66})


def test_a_change_of_all_models_is_told_and_degrades_none(
    offered: Offered, drift: Drift, life: Life, told: list[ModelEvent]
) -> None:
    drift.changes = [change(7, "worse", 0.7, 0.4, model="*")]
    life.tick()
    assert [(event.model, event.state) for event in told] == [("*", None)]
    assert {record.state for record in offered.records.values()} == {"active"}


def test_only_the_process_whose_turn_it_is_looks(offered: Offered, drift: Drift, told: list[ModelEvent]) -> None:
    drift.changes = [change(7, "worse", 0.7, 0.4)]
    Life(offered=offered, drift=lambda: drift, turn=lambda: False, tell=told.append, now=lambda: NOW).tick()
    assert told == []


def test_a_file_is_read_again_when_it_changes_or_when_asked_to(tmp_path: Path) -> None:
    path, read = tmp_path / "router.toml", list[str]()
    path.write_text("a")
    watch = FileWatch(path, lambda: read.append(path.read_text()))
    assert not watch.look()
    path.write_text("bb")
    assert watch.look()
    assert not watch.look()
    watch.ask()
    assert watch.look()
    assert read == ["bb", "bb"]


def test_a_file_that_cannot_be_taken_up_is_complained_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "router.toml"
    path.write_text("a")

    def refuse() -> None:
        raise ConfigError("line 3 is wrong")

    watch = FileWatch(path, refuse)
    os.utime(path, ns=(1, 1))
    assert [watch.look(), watch.look()] == [False, False]
    assert caplog.text.count("line 3 is wrong") == 1
