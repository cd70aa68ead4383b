"""Bearer keys: who is let in, as whom, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import openai
import pytest

from bandit_router.api.auth import CACHE_S, Caller, Door, KeyHolder
from bandit_router.errors import Unauthorized
from bandit_router.store.keys import KeyInfo
from tests.api.service import Service
from tests.api.upstream import Upstream

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def locked(route_with: Callable[..., Service], sqlite_url: str) -> Service:
    """A router that asks for keys."""
    return route_with(sqlite_url, server={"auth": "keys"})


def ask(router: Service, key: str | None) -> httpx.Response:
    return router.chat(headers={"authorization": f"Bearer {key}"} if key else {})


def test_a_request_without_a_valid_key_is_turned_away(locked: Service, upstream: Upstream) -> None:
    responses = [ask(locked, None), ask(locked, "br-wrong"), locked.http.get("/v1/models"), locked.http.get("/nowhere")]
    assert {(r.status_code, r.json()["error"]["code"]) for r in responses} == {(401, "invalid_api_key")}
    assert {r.headers["www-authenticate"] for r in responses} == {"Bearer"}
    assert upstream.called == []


def test_the_official_client_is_told_that_its_key_is_wrong(locked: Service) -> None:
    with locked.openai("br-wrong") as client, pytest.raises(openai.AuthenticationError, match="unknown or revoked"):
        client.models.list()


def test_a_key_gives_its_holders_name_and_dial_to_the_decision(locked: Service) -> None:
    key = locked.services.stores.keys.create("blue team", now=NOW, value_usd=0.5)
    decided = ask(locked, key).raise_for_status().headers["x-router-decision-id"]
    found = locked.http.get(f"/v1/decisions/{decided}", headers={"authorization": f"bearer {key}"}).json()
    assert (found["tenant"], found["value_usd"]) == ("blue team", 0.5)


@pytest.fixture
def decided(locked: Service) -> str:
    """A decision of the tenant "blue team"."""
    key = locked.services.stores.keys.create("blue team", now=NOW)
    return str(ask(locked, key).raise_for_status().headers["x-router-decision-id"])


def bearer(locked: Service, name: str, *, admin: bool = False) -> dict[str, str]:
    return {"authorization": f"Bearer {locked.services.stores.keys.create(name, now=NOW, admin=admin)}"}


@pytest.mark.parametrize(
    ("name", "admin", "status"), [("blue team", False, 200), ("red team", False, 404), ("red team", True, 200)]
)
def test_a_key_sees_the_decisions_of_its_tenant_and_an_administrators_all(
    locked: Service, decided: str, name: str, admin: bool, status: int
) -> None:
    headers = bearer(locked, name, admin=admin)
    sent = {"decision_id": decided, "score": 0.5}
    responses = [
        locked.http.get(f"/v1/decisions/{decided}", headers=headers),
        locked.http.post("/v1/feedback", json=sent, headers=headers),
    ]
    assert [response.status_code for response in responses] == [status] * 2


def test_a_decision_of_another_tenant_looks_like_one_that_is_not_there(locked: Service, decided: str) -> None:
    headers = bearer(locked, "red team")
    told = [locked.http.get(f"/v1/decisions/{id}", headers=headers).json()["error"] for id in (decided, "x" * 32)]
    assert told[0] == {**told[1], "message": told[1]["message"].replace("x" * 32, decided)}


def test_a_key_gives_its_holders_dial_for_time_to_the_decision(locked: Service) -> None:
    headers = {"authorization": f"Bearer {locked.services.stores.keys.create('blue team', now=NOW, value_s=30.0)}"}
    decided = [
        locked.chat(headers=headers | more).raise_for_status().headers["x-router-decision-id"]
        for more in ({}, {"x-router-value-s": "5"})
    ]
    found = [locked.http.get(f"/v1/decisions/{id}", headers=headers).json() for id in decided]
    assert [one["value_s"] for one in found] == [30.0, 5.0]


def test_the_key_is_in_no_response(locked: Service) -> None:
    key = locked.services.stores.keys.create("blue team", now=NOW)
    headers = {"authorization": f"Bearer {key}"}
    answered = locked.chat(headers=headers)
    paths = (f"/v1/decisions/{answered.headers['x-router-decision-id']}", "/v1/models", "/metrics", "/nowhere")
    told = [answered, *(locked.http.get(path, headers=headers) for path in paths)]
    assert [r.url.path for r in told if key in r.text or key in str(r.headers)] == []


def test_health_needs_no_key_and_metrics_none_on_this_machine(locked: Service) -> None:
    assert [locked.http.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]


def test_metrics_need_a_key_through_a_proxy(locked: Service) -> None:
    assert locked.http.get("/metrics", headers={"x-forwarded-for": "203.0.113.9"}).status_code == 401


class Register:
    """Keys with a clock, and a count of how often one was looked up."""

    def __init__(self) -> None:
        self.now, self.looked_up, self.valid = 100.0, 0, True

    def verify(self, _key: str) -> KeyHolder | None:
        self.looked_up += 1
        return KeyInfo(id="1", name="ann", created_at=NOW, revoked_at=None, value_usd=None) if self.valid else None


async def admit(door: Door) -> Caller:
    return await door.admit({"headers": [(b"authorization", b"Bearer k")]})


async def test_a_key_is_looked_up_once_in_a_while() -> None:
    register = Register()
    door = Door(register.verify, clock=lambda: register.now)
    assert {(await admit(door)).tenant for _ in range(5)} == {"ann"}
    assert register.looked_up == 1


async def test_a_revoked_key_stops_working_within_seconds() -> None:
    register = Register()
    door = Door(register.verify, clock=lambda: register.now)
    await admit(door)
    register.valid = False
    register.now += CACHE_S
    with pytest.raises(Unauthorized):
        await admit(door)
    assert CACHE_S <= 5


async def test_a_wrong_key_is_looked_up_each_time() -> None:
    register = Register()
    register.valid = False
    door = Door(register.verify, clock=lambda: register.now)
    for _ in range(2):
        with pytest.raises(Unauthorized):
            await admit(door)
    assert register.looked_up == 2
