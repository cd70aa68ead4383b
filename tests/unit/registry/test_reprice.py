"""What a public price list says over HTTP counts for models without a price of their own, if it is believed."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bandit_router.errors import ProviderError
from bandit_router.providers.price_list import LONGEST_S, fetch_price_list, list_price
from bandit_router.registry.lifecycle import retired
from bandit_router.registry.offered import Offered
from bandit_router.registry.reprice import REPRICED, Repricing, is_believable
from bandit_router.settings import ModelSettings
from bandit_router.types import ModelEvent
from tests.unit.registry.test_offered import NOW, Kept

BUNDLED = {"gpt-x": (1.0, 4.0), "gpt-y": (2.0, 8.0)}
"""In USD for a million tokens."""


def as_listed(prices: dict[str, Sequence[Any]]) -> dict[str, dict[str, Any]]:
    """Return a price list as litellm publishes it."""
    names = ("input_cost_per_token", "output_cost_per_token")
    per_token = {
        model: [price / 1e6 if isinstance(price, float) else price for price in both] for model, both in prices.items()
    }
    return {
        model: {"litellm_provider": "openai", "mode": "chat", **dict(zip(names, both, strict=True))}
        for model, both in per_token.items()
    }


@dataclass
class Published:
    """A server that publishes a price list."""

    body: bytes = b""
    asked: int = 0
    url: str = ""

    def publish(self, **prices: Sequence[Any]) -> None:
        self.body = json.dumps(
            as_listed({**BUNDLED, **{name.replace("_", "-"): both for name, both in prices.items()}})
        ).encode()


@contextmanager
def publishing() -> Iterator[Published]:
    """Serve the prices of the package, until others are published."""
    found = Published()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked += 1
            self.send_response(200 if found.body else 500)
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/prices.json"
        found.publish()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def published() -> Iterator[Published]:
    with publishing() as found:
        yield found


@dataclass
class World:
    """Models of which one has a price of its own, and what follows the list."""

    published: Published
    leads: bool = True
    follows: bool = True
    kept: Kept = field(default_factory=Kept)
    told: list[ModelEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.offered = self.process()
        self.offered.introduce(NOW)
        self.repricing = Repricing(
            offered=self.offered,
            fetched=lambda: partial(list_price, fetch_price_list(self.published.url)),
            turn=lambda: self.leads,
            tell=self.told.append,
            now=lambda: NOW,
        )

    def process(self) -> Offered:
        """Return the models on offer, as a process has them that starts now."""
        own = {"input_usd_per_million": 3.0, "output_usd_per_million": 3.0}
        entries = [{"name": "x"}, {"name": "y"}, {"name": "own", "target": "openai/gpt-x", **own}]
        return Offered(
            [ModelSettings.model_validate({"target": f"openai/gpt-{each['name']}", **each}) for each in entries],
            prices=partial(list_price, as_listed(BUNDLED)),
            records=self.kept,
            follows=self.follows,
        )

    def changes(self) -> Sequence[ModelEvent]:
        return self.kept.noted(REPRICED)


def prices(offered: Offered, name: str) -> tuple[float, float]:
    """Return what a model costs in USD for a million tokens."""
    model = offered.catalog.get(name)
    assert model
    return round(model.input_usd_per_token * 1e6, 9), round(model.output_usd_per_token * 1e6, 9)


def test_a_price_that_changed_counts_and_is_told_with_the_old_one(published: Published) -> None:
    world = World(published)
    published.publish(gpt_x=(0.1, 0.4))
    world.repricing.look()
    (event,) = world.changes()
    assert world.told == [event]
    assert (event.model, event.state, dict(event.numbers)) == (
        "x",
        None,
        {
            "target": "openai/gpt-x",
            "input_usd_per_million_was": 1.0,
            "output_usd_per_million_was": 4.0,
            "input_usd_per_million": 0.1,
            "output_usd_per_million": 0.4,
        },
    )
    assert [prices(world.offered, name) for name in ("x", "y", "own")] == [(0.1, 0.4), (2.0, 8.0), (3.0, 3.0)]


def test_other_processes_and_those_that_start_later_have_the_new_price(published: Published) -> None:
    world = World(published)
    other = world.process()
    published.publish(gpt_x=(0.1, 0.4))
    world.repricing.look()
    assert other.refresh()
    assert prices(other, "x") == prices(world.process(), "x") == (0.1, 0.4)


def test_where_prices_are_followed_no_more_those_of_the_package_count(published: Published) -> None:
    world = World(published)
    published.publish(gpt_x=(0.1, 0.4))
    world.repricing.look()
    world.follows = False
    assert prices(world.process(), "x") == BUNDLED["gpt-x"]


def test_a_tier_follows_the_price(published: Published) -> None:
    world = World(published)
    published.publish(gpt_x=(200.0, 800.0))
    world.repricing.look()
    assert [model.name for model in world.offered.catalog.tier("tier-1")] == ["x"]


def test_what_did_not_change_is_told_once_only(published: Published) -> None:
    world = World(published)
    published.publish(gpt_x=(0.123456789, 1 / 3))
    for _ in range(3):
        world.repricing.look()
    assert (published.asked, len(world.changes())) == (3, 1)


@pytest.mark.parametrize(
    "both",
    [
        (-1.0, 4.0),
        (float("nan"), 4.0),
        (float("inf"), 4.0),
        (1000.0, 4.0),
        (1.0, 0.004),
        (0.0, 4.0),
        (None, 4.0),
        ("?", 4.0),
    ],
)
def test_a_price_that_cannot_be_is_not_taken_over(published: Published, both: Sequence[Any]) -> None:
    world = World(published)
    published.publish(gpt_x=both, gpt_y=(1.0, 4.0))
    world.repricing.look()
    assert [event.model for event in world.changes()] == ["y"]
    assert prices(world.offered, "x") == BUNDLED["gpt-x"]


def test_a_price_that_is_not_believed_is_complained_of(published: Published, caplog: pytest.LogCaptureFixture) -> None:
    published.publish(gpt_x=(1000.0, 4.0))
    World(published).repricing.look()
    assert "a price of x is not believed" in caplog.text


@pytest.mark.parametrize(("usd", "believed"), [(0.0, True), (1e-6, True), (0.01, False)])
def test_what_cost_nothing_may_come_to_cost_something(usd: float, believed: bool) -> None:
    assert is_believable(0.0, usd) == believed


def test_a_retired_model_is_left_as_it_was(published: Published) -> None:
    world = World(published)
    world.offered.change(retired(world.offered.record("x"), now=NOW, reason="dear"))
    published.publish(gpt_x=(0.1, 0.4))
    world.repricing.look()
    assert world.changes() == []


def test_only_the_process_whose_turn_it_is_asks(published: Published) -> None:
    World(published, leads=False).repricing.look()
    assert published.asked == 0


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"text"', b"{", b"[" * 100_000])
def test_what_is_no_price_list_leaves_all_as_it_was(
    published: Published, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(published)
    published.body = body
    with caplog.at_level(logging.WARNING):
        world.repricing.look()
    assert "list prices stay as they are" in caplog.text
    assert world.changes() == []


def test_a_list_that_does_not_come_to_an_end_is_given_up(published: Published) -> None:
    seconds = iter([0.0, LONGEST_S + 1])
    with pytest.raises(ProviderError, match="longer than 60 s"):
        fetch_price_list(published.url, clock=lambda: next(seconds))
