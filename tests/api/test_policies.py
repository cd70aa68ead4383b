"""/admin/policies and its commands: an older version serves again within seconds, until it is released."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from bandit_router.bootstrap import make_switch
from bandit_router.bootstrap.services import Services
from bandit_router.store.session import open_engine
from tests.api.service import Service

Start = Callable[..., Service]
NAME = "vw_cb"


def served(service: Service) -> int:
    return service.services.learned.policies.numbers[NAME]


def newest(service: Service) -> int:
    return service.services.stores.versions.newest_number([NAME]).get(NAME, 0)


def soon(holds: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until something holds; False when it does not within so many seconds."""
    until = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < until:
        time.sleep(0.02)
    return held


def learns(service: Service) -> None:
    """Ask something, and wait until it was learned and published."""
    before = newest(service)
    service.decide(model=NAME)
    assert soon(lambda: newest(service) > before, seconds=20)


def post(service: Service, action: str, body: dict[str, Any] | None = None, *, name: str = NAME) -> httpx.Response:
    return service.http.post(f"/admin/policies/{name}/{action}", json=body)


def elsewhere(services: Services, to: int | None) -> None:
    """Roll back as the command does: from another process, by the database alone."""
    settings = services.parts.settings
    engine = open_engine(settings.store.url)
    try:
        make_switch(settings, engine).rollback(NAME, to=to, by="command line", reason="it got worse")
    finally:
        engine.dispose()


def kinds(decisions: Sequence[dict[str, Any]]) -> list[str]:
    return [each["decision"] for each in decisions]


def test_a_rollback_elsewhere_is_served_within_five_seconds_and_outlasts_learning_and_a_restart(
    route_with: Start, database_url: str
) -> None:
    service = route_with(database_url)
    learns(service)
    assert soon(lambda: served(service) > 0, seconds=20)
    elsewhere(service.services, 0)
    assert soon(lambda: served(service) == 0, seconds=5)
    learns(service)
    again = route_with(database_url)
    assert (served(service), served(again)) == (0, 0)
    post(again, "release").raise_for_status()
    assert soon(lambda: served(service) > 0 and served(again) > 0, seconds=20)


@pytest.fixture
def still(route_with: Start, sqlite_url: str) -> Service:
    """A router that learns when it is told, with two versions that passed."""
    service = route_with(sqlite_url, learner={"enabled": False, "gate": 0})
    for _ in range(2):
        service.decide(model=NAME)
        service.services.learner.tick()
    service.services.learned.policies.refresh()
    assert served(service) == 2
    return service


def test_what_serves_and_what_was_decided_is_told(still: Service) -> None:
    done = post(still, "rollback", {"reason": "worse"}).raise_for_status().json()
    assert (done["version"], done["decision"], done["reason"]) == (1, "rolled_back", "worse")
    assert served(still) == 1
    listed = {each["policy"]: each for each in still.http.get("/admin/policies").json()["policies"]}
    assert (listed[NAME]["serving"], listed[NAME]["newest"], listed[NAME]["pinned"]) == (1, 2, True)
    post(still, "release").raise_for_status()
    decisions = still.http.get(f"/admin/policies/{NAME}/gate").json()["decisions"]
    assert kinds(decisions) == ["released", "rolled_back"]


def test_the_metrics_tell_of_a_pin(still: Service) -> None:
    post(still, "rollback", {"to": 1}).raise_for_status()
    text = still.http.get("/metrics").text
    assert f'bandit_router_policy_pinned{{policy="{NAME}"}} 1.0' in text
    assert f'bandit_router_policy_newest_version{{policy="{NAME}"}} 2.0' in text


@pytest.mark.parametrize(
    ("action", "body", "status", "code"),
    [
        ("rollback", {"to": 77}, 404, "version_not_found"),
        ("rollback", {"to": "2"}, 400, "invalid_value"),
        ("rollback", {"to": -1}, 400, "invalid_value"),
        ("rollback", {"to": True}, 400, "invalid_value"),
        ("release", None, 409, "promotion_conflict"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    still: Service, action: str, body: dict[str, Any] | None, status: int, code: str
) -> None:
    response = post(still, action, body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_an_unknown_policy_is_named(still: Service) -> None:
    response = post(still, "rollback", name="vw_bc")
    assert response.status_code == 404
    assert "did you mean 'vw_cb'?" in response.json()["error"]["message"]


def test_decisions_on_a_policy_that_is_not_there_are_not_found(still: Service) -> None:
    assert still.http.get("/admin/policies/nope/gate").status_code == 404
    assert still.http.get("/admin/policies/fixed_cascade/gate").json() == {"decisions": []}
