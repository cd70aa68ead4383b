"""What the fleet lists and the price list knows becomes a candidate, over HTTP; errors disturb nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

import pytest

from bandit_router.errors import StoreUnavailable
from bandit_router.providers.listing import list_models
from bandit_router.registry.discover import Discovery, Endpoint
from bandit_router.registry.offered import Offered
from bandit_router.settings import ModelSettings
from bandit_router.types import ListPrice
from simulate.fleet.options import FleetOptions
from simulate.fleet.server import FleetServer
from simulate.outcomes import Arm, Row, Table
from tests.unit.registry.test_offered import NOW, Kept

PRICES = {"openai/gpt-4o": 5.0, "openai/gpt-4.1-mini": 0.8, "openai/o4": 9.0, "anthropic/claude-x": 3.0}
"""In USD for a million tokens."""


@pytest.fixture
def fleet() -> Iterator[FleetServer]:
    models = ("gpt-4o", "gpt-4.1-mini", "o4", "gpt-unpriced")
    arms = {name: Arm(score=1.0, cost_usd=0.001) for name in models}
    with FleetServer(
        Table(rows=(Row(id="1", category="c", prompt="p", arms=arms),), models=models), FleetOptions()
    ) as on:
        yield on


def price(target: str) -> ListPrice | None:
    usd = PRICES.get(target)
    return (
        None
        if usd is None
        else ListPrice(
            input_usd_per_token=usd / 1e6,
            output_usd_per_token=usd / 1e6,
            context_window=128_000,
            tools=True,
            vision=True,
        )
    )


def over_http(endpoint: Endpoint) -> Collection[str] | None:
    return list_models(
        endpoint.provider, api_base=endpoint.api_base, api_key_env=endpoint.api_key_env, environ={"KEY": "secret"}
    )


@dataclass
class World:
    """A service that knows one model of an endpoint, and looks for more."""

    api_base: str | None
    provider: str = "openai"
    patterns: tuple[str, ...] = ("openai/gpt-*", "anthropic/*")
    listed: Callable[[Endpoint], Collection[str] | None] = over_http
    known: str = "gpt-4o"
    kept: Kept = field(default_factory=Kept)

    def __post_init__(self) -> None:
        given = {"name": "mine", "target": f"{self.provider}/{self.known}", "input_usd_per_million": 1.0}
        given |= {"output_usd_per_million": 1.0, "api_key_env": "KEY"}
        given |= {"api_base": self.api_base} if self.api_base else {}
        self.offered = Offered([ModelSettings.model_validate(given)], prices=price, records=self.kept, probed=True)
        self.offered.introduce(NOW)

    def look(self) -> list[str]:
        """Look once; return the candidates."""
        Discovery(
            offered=self.offered,
            patterns=self.patterns,
            listed=self.listed,
            chats=PRICES.keys,
            taken=lambda: ("index",),
            turn=lambda: True,
            now=lambda: NOW,
        ).look()
        return [model.name for model in self.offered.waiting.models]


def test_what_an_endpoint_lists_and_a_pattern_allows_becomes_a_candidate(fleet: FleetServer) -> None:
    world = World(api_base=fleet.url)
    assert world.look() == ["gpt-4.1-mini"]
    assert [model.name for model in world.offered.catalog.models] == ["mine"]


def test_a_candidate_has_what_the_price_list_says_and_the_endpoints_address_and_key(fleet: FleetServer) -> None:
    world = World(api_base=fleet.url)
    world.look()
    found = world.offered.waiting.get("gpt-4.1-mini")
    assert found is not None
    assert (found.target, found.api_base, found.api_key_env) == ("openai/gpt-4.1-mini", fleet.url, "KEY")
    assert (found.input_usd_per_token, found.context_window, found.vision) == (
        PRICES["openai/gpt-4.1-mini"] / 1e6,
        128_000,
        True,
    )


def test_looking_again_finds_nothing_new(fleet: FleetServer) -> None:
    world = World(api_base=fleet.url)
    world.look()
    before = len(world.kept.events)
    world.look()
    assert len(world.kept.events) == before


def test_without_patterns_nothing_is_entered(fleet: FleetServer) -> None:
    assert World(api_base=fleet.url, patterns=()).look() == []


def test_a_name_that_is_taken_gives_way_to_the_whole_target(fleet: FleetServer) -> None:
    world = World(api_base=fleet.url, known="gpt-4.1-mini")
    world.offered.reload([world.offered.entries[0].model_copy(update={"name": "gpt-4o"})], now=NOW)
    assert world.look() == ["openai/gpt-4o"]


def test_where_a_provider_has_no_list_the_price_list_stands_in() -> None:
    assert World(api_base=None, provider="anthropic", known="claude-w").look() == ["claude-x"]


def test_an_endpoint_that_does_not_answer_is_logged_and_disturbs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert World(api_base="http://127.0.0.1:9/v1").look() == []
    assert "could not be listed" in caplog.text


def test_a_failing_database_disturbs_nothing(fleet: FleetServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> bool:
        raise StoreUnavailable("down")

    world = World(api_base=fleet.url)
    monkeypatch.setattr(world.kept, "note", fails)
    assert world.look() == []


def test_no_provider_key_goes_to_an_endpoint_of_ones_own(fleet: FleetServer) -> None:
    found = list_models("openai", api_base=fleet.url, api_key_env=None, environ={"OPENAI_API_KEY": "secret"})
    assert found is not None
    assert "gpt-4o" in found
