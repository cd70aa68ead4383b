"""Experiments on the running service: who is given which arm, what is logged, and who may change what."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from bandit_router.experiment.assign import user_hash
from bandit_router.resources import shipped
from tests.api.service import Service
from tests.api.upstream import Upstream

EXPERIMENT: dict[str, Any] = {
    "name": "trial",
    "arms": [
        {"name": "old", "policy": "cheapest", "control": True, "learn_from": "all"},
        {"name": "new", "policy": "vw_cb"},
    ],
    "unit": "session",
}


@pytest.fixture
def router(route_with: Callable[..., Service], sqlite_url: str) -> Service:
    """A router of the test's own: experiments change what it does."""
    return route_with(sqlite_url)


def act(router: Service, action: str, **fields: Any) -> httpx.Response:
    return router.http.post("/admin/experiments", json={"action": action, **fields})


def begin(router: Service, **changes: Any) -> None:
    act(router, "start", experiment=EXPERIMENT | changes).raise_for_status()


def asked(router: Service, session: str, **more: Any) -> dict[str, Any]:
    headers = {"x-router-session": session} | more.pop("headers", {})
    return router.decision(router.decide(headers=headers, **more))


def test_the_arm_decides_and_is_logged_with_experiment_and_unit(router: Service) -> None:
    begin(router)
    found = [asked(router, f"{n}") for n in range(8)]
    assert {each["experiment"] for each in found} == {"trial"}
    assert {(each["arm"], each["policy"]) for each in found} == {("old", "cheapest"), ("new", "trial.new")}
    assert all(len(each["unit"]) == 16 for each in found)


def test_a_session_keeps_its_arm(router: Service) -> None:
    begin(router)
    assert len({(each["arm"], each["unit"]) for each in (asked(router, "s") for _ in range(5))}) == 1


def test_a_user_keeps_an_arm_and_is_logged_without_a_name(router: Service) -> None:
    begin(router, unit="user")
    found = [router.decision(router.decide(user="ann@example.com")) for _ in range(3)]
    assert len({(each["arm"], each["unit"]) for each in found}) == 1
    decision = router.services.stores.events.decision(found[0]["decision_id"]).decision
    assert decision.user_hash == user_hash("", "ann@example.com")
    assert router.decision(router.decide())["experiment"] is None


def test_a_request_that_names_a_policy_takes_no_part(router: Service) -> None:
    begin(router)
    assert asked(router, "s", model="dearest")["experiment"] is None
    assert asked(router, "s", headers={"x-router-policy": "dearest"})["arm"] is None


def test_without_a_session_the_default_policy_decides(router: Service) -> None:
    begin(router)
    found = router.decision(router.decide())
    assert (found["experiment"], found["policy"]) == (None, "fixed_cascade")


def test_a_shadow_arm_is_logged_and_not_called(router: Service, upstream: Upstream) -> None:
    ghost = {"name": "ghost", "policy": "dearest", "shadow": True}
    begin(router, arms=[*EXPERIMENT["arms"], ghost])
    upstream.bodies.clear()
    found = asked(router, "s")
    assert [(each["arm"], each["policy"], each["chosen"]) for each in found["shadows"]] == [
        ("ghost", "dearest", "large")
    ]
    assert found["arm"] in ("old", "new")
    assert upstream.called == [attempt["model"] for attempt in found["attempts"]]


def called_shadow(**changes: Any) -> dict[str, Any]:
    return {"name": "ghost", "policy": "dearest", "shadow": True, "call": True, "budget_usd_per_day": 1.0} | changes


def shadowed(router: Service) -> dict[str, Any]:
    """Ask until the shadow has answered beside the control, as a run may be left out; return what is said of it."""
    until, number = time.monotonic() + 60, 0
    while True:
        asked(router, f"{number}")
        number += 1
        (found,) = router.http.get("/admin/experiments/trial").json()["shadows"]
        if found["beside"][0]["requests"] or time.monotonic() > until:
            return dict(found)


def test_a_called_shadow_is_judged_beside_what_was_served(router: Service) -> None:
    begin(router, arms=[*EXPERIMENT["arms"], called_shadow()])
    found = shadowed(router)
    assert found["served"] is False
    assert sum(beside["requests"] for beside in found["beside"]) == found["requests"] > 0
    by = {each["metric"]: each for each in found["beside"][0]["metrics"]}
    assert found["beside"][0]["arm"] == "old"
    assert by["cost_usd"]["shadow"] > by["cost_usd"]["served"] > 0


def test_a_called_shadow_is_never_served(router: Service) -> None:
    begin(router, arms=[*EXPERIMENT["arms"], called_shadow()])
    found = [asked(router, f"{n}") for n in range(4)]
    assert {each["kind"] for each in found} == {"served"}
    assert {each["arm"] for each in found} <= {"old", "new"}


def test_a_shadow_without_money_is_not_called(router: Service, upstream: Upstream) -> None:
    begin(router, arms=[*EXPERIMENT["arms"], called_shadow(budget_usd_per_day=0.0)])
    upstream.bodies.clear()
    found = asked(router, "s")
    assert upstream.called == [attempt["model"] for attempt in found["attempts"]]


def test_a_stopped_experiment_takes_no_more_requests(router: Service) -> None:
    begin(router)
    act(router, "stop", name="trial", reason="enough").raise_for_status()
    assert asked(router, "s")["experiment"] is None
    body = router.http.get("/admin/experiments/trial").json()
    assert body["state"] == "stopped"
    assert [(event["what"], event["reason"]) for event in body["events"]] == [("started", ""), ("stopped", "enough")]


def test_the_ramp_goes_up_only(router: Service) -> None:
    begin(router, ramp=[0.1, 0.5])
    assert act(router, "ramp", name="trial").json()["share"] == 0.5
    refused = act(router, "ramp", name="trial", share=0.2)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "experiment_conflict")


def test_an_arm_that_learns_by_itself_has_versions_of_its_own(router: Service) -> None:
    begin(router)
    for n in range(6):
        asked(router, f"{n}")
    until = time.monotonic() + 20
    while router.services.stores.versions.latest("trial.new") is None and time.monotonic() < until:
        asyncio.run(asyncio.sleep(0.05))
    version = router.services.stores.versions.latest("trial.new")
    assert version is not None
    assert version.events >= 1


def test_the_analysis_counts_each_request_once(router: Service) -> None:
    begin(router)
    decided = [asked(router, f"{n}")["decision_id"] for n in range(6)]
    for id in decided:
        router.http.post("/v1/feedback", json={"decision_id": id, "score": 1}).raise_for_status()
    body = router.http.get("/admin/experiments/trial").json()
    assert sum(arm["requests"] for arm in body["arms"]) == len(decided)
    assert body["verdict"]["word"] == "keep running"


def test_a_bad_file_is_named_and_what_runs_is_listed_all_the_same(
    route_with: Callable[..., Service], sqlite_url: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(shipped("policies"), tmp_path / "policies")
    (folder / "experiments" / "bad.toml").write_text("reward = 1\n", encoding="utf-8")
    router = route_with(sqlite_url, policies={"dir": folder, "default": "fixed_cascade"})
    begin(router)
    body = router.http.get("/admin/experiments").raise_for_status().json()
    assert [each["experiment"] for each in body["experiments"]] == ["trial"]
    (unreadable,) = body["unreadable"]
    assert unreadable["file"] == "bad.toml"
    assert "key 'arms' is missing" in unreadable["problem"]


def test_an_unknown_category_is_refused_by_its_nearest_name(router: Service) -> None:
    refused = act(router, "start", experiment=EXPERIMENT | {"eligible": {"categories": ["math.prof"]}})
    assert (refused.status_code, "did you mean 'math.proof'" in refused.text) == (400, True)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"action": "begin"}, 400),
        ({"action": "stop", "name": "nothing"}, 404),
        ({"action": "start", "name": "nothing"}, 404),
        ({"action": "start", "experiment": {"name": "x", "arms": []}}, 400),
        ({"action": "start", "experiment": "x"}, 400),
        ({"action": "stop"}, 400),
    ],
)
def test_a_bad_request_is_refused(router: Service, fields: dict[str, Any], status: int) -> None:
    assert router.http.post("/admin/experiments", json=fields).status_code == status


def test_an_unknown_policy_is_refused_by_its_nearest_name(router: Service) -> None:
    arms = [EXPERIMENT["arms"][0], {"name": "new", "policy": "vw_bc"}]
    refused = act(router, "start", experiment=EXPERIMENT | {"arms": arms})
    assert (refused.status_code, "did you mean 'vw_cb'" in refused.text) == (400, True)


def test_a_name_is_started_once(router: Service) -> None:
    begin(router)
    assert act(router, "start", experiment=EXPERIMENT | {"slots": [0, 0.5], "layer": "b"}).status_code == 409


def test_a_taken_layer_is_refused(router: Service) -> None:
    begin(router)
    refused = act(router, "start", experiment=EXPERIMENT | {"name": "second"})
    assert (refused.status_code, "overlap" in refused.text) == (400, True)


def test_the_metrics_show_the_units_of_a_running_experiment(router: Service) -> None:
    begin(router)
    asked(router, "s")
    router.services.steward.tick()
    assert 'bandit_router_experiment_units{arm="old",experiment="trial"}' in router.http.get("/metrics").text


def test_only_administrators_look_and_change(route_with: Callable[..., Service], sqlite_url: str) -> None:
    service = route_with(sqlite_url, server={"auth": "keys"})
    key = service.services.stores.keys.create("client", now=service.services.router.now())
    headers = {"Authorization": f"Bearer {key}"}
    assert service.http.get("/admin/experiments", headers=headers).status_code == 403
    assert service.http.post("/admin/experiments", json={"action": "stop"}, headers=headers).status_code == 403
