"""/admin/models: models come and go while the service runs, and only administrators make them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from bandit_router.bootstrap.jobs import finding
from bandit_router.registry.webhook import WAITS_S, post
from bandit_router.types import ModelEvent
from tests.api.service import KEY_ENV, Service, serving
from tests.api.upstream import Upstream
from tests.unit.registry.test_reprice import publishing

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def service(route_with: Callable[..., Service], sqlite_url: str) -> Service:
    """A router of the test's own, which learns nothing and lets newcomers in at once."""
    return route_with(sqlite_url, learner={"enabled": False}, aside={"probe_usd_per_day": 0})


def entry(service: Service, name: str = "extra", **more: Any) -> dict[str, Any]:
    """Return what describes a model on the same upstream."""
    api_base = service.services.parts.settings.models[0].api_base
    prices = {"input_usd_per_million": 4.0, "output_usd_per_million": 4.0}
    return {"name": name, "target": f"openai/{name}", "api_base": api_base, "api_key_env": KEY_ENV, **prices, **more}


def add(service: Service, **more: Any) -> httpx.Response:
    return service.http.post("/admin/models", json=entry(service, **more))


def listed(service: Service) -> list[str]:
    return [each["id"] for each in service.http.get("/v1/models").json()["data"]]


def test_an_added_model_is_listed_decided_about_and_answers(service: Service, upstream: Upstream) -> None:
    body = add(service, reason="trial").raise_for_status().json()
    assert (body["name"], body["state"], body["reason"], body["tier"], body["offered"]) == (
        "extra",
        "active",
        "trial",
        1,
        True,
    )
    assert "extra" in listed(service)
    assert service.chat(model="extra").headers["x-router-model"] == "extra"
    routed = service.http.post("/v1/route", json={"model": "auto", "messages": [{"role": "user", "content": "Hi"}]})
    assert "extra" in [candidate["model"] for candidate in routed.json()["candidates"]]


def test_what_is_stated_of_an_added_model_is_kept_and_logged(service: Service, upstream: Upstream) -> None:
    body = add(service, size_b=8, benchmarks={"mmlu_pro": 0.72}).raise_for_status().json()
    assert (body["size_b"], body["benchmarks"]) == (8.0, {"mmlu_pro": 0.72})
    service.chat(model="auto")
    (event,) = service.services.stores.events.read(0, limit=10)
    (extra,) = [action for action in event.decision.step.actions if action.model == "extra"]
    assert (extra.size_b, extra.benchmarks) == (8.0, (("mmlu_pro", 0.72),))


def test_a_score_over_all_of_a_benchmark_is_refused(service: Service) -> None:
    refused = add(service, benchmarks={"mmlu_pro": 72})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "benchmarks.mmlu_pro")


def test_a_new_price_counts_from_the_next_request(service: Service, upstream: Upstream) -> None:
    add(service).raise_for_status()
    dear = float(service.chat(model="extra").headers["x-router-cost-usd"])
    add(service, input_usd_per_million=0.4, output_usd_per_million=0.4).raise_for_status()
    assert float(service.chat(model="extra").headers["x-router-cost-usd"]) == pytest.approx(dear / 10)


def test_a_list_price_that_changed_counts_from_the_next_request(
    route_with: Callable[..., Service], sqlite_url: str, upstream: Upstream
) -> None:
    with publishing() as published:
        service = route_with(sqlite_url, discovery={"prices": published.url}, aside={"probe_usd_per_day": 0})
        body = {**entry(service, target="openai/gpt-4o-mini"), "input_usd_per_million": None}
        service.http.post("/admin/models", json={**body, "output_usd_per_million": None}).raise_for_status()
        before = float(service.chat(model="extra").headers["x-router-cost-usd"])
        published.publish(gpt_4o_mini=(0.015, 0.06))
        parts = service.services
        finding(parts.parts, parts.offered, learner=parts.learner)["prices"][0]()
        assert float(service.chat(model="extra").headers["x-router-cost-usd"]) == pytest.approx(before / 10)
        event = service.http.get("/admin/models/extra/events").json()["events"][0]
    assert event["reason"] == "its list price changed"
    assert (event["numbers"]["input_usd_per_million_was"], event["numbers"]["input_usd_per_million"]) == (0.15, 0.015)


def test_no_list_is_asked_for_where_nobody_wants_it(service: Service) -> None:
    parts = service.services
    assert finding(parts.parts, parts.offered, learner=parts.learner) == {}


def test_a_retired_model_is_gone_until_it_is_readmitted(service: Service, upstream: Upstream) -> None:
    service.http.post("/admin/models/medium/retire", json={"reason": "dear"}).raise_for_status()
    assert "medium" not in listed(service)
    assert service.chat(model="medium").status_code == 404
    again = service.http.post("/admin/models/medium/readmit").raise_for_status().json()
    assert (again["state"], again["offered"]) == ("active", True)
    events = service.http.get("/admin/models/medium/events").json()["events"]
    assert [(event["state"], event["reason"]) for event in events] == [
        ("active", "readmitted by an operator"),
        ("retired", "dear"),
        ("active", "named in router.toml"),
    ]


def test_each_model_is_listed_with_how_it_fares(service: Service) -> None:
    service.http.post("/admin/models/medium/retire").raise_for_status()
    found = {each["name"]: each for each in service.http.get("/admin/models").json()["models"]}
    assert (found["medium"]["state"], found["medium"]["offered"]) == ("retired", False)
    assert (found["small"]["circuit"], found["small"]["source"], found["small"]["expected_quality"]) == (
        "closed",
        "router.toml",
        None,
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"target": "openai/x"}, "name"),
        ({"name": "x"}, "needs what litellm calls it"),
        ({"name": "x", "target": "openai/x", "teir": 1}, "teir"),
        ({"name": "x", "target": "openai/no-such-model"}, "has no price"),
        ({"name": "small", "target": "openai/small"}, "router.toml"),
        ({"name": "index", "target": "openai/x", "input_usd_per_million": 1, "output_usd_per_million": 1}, "policy"),
        ({"name": "x\0", "target": "openai/x"}, "cannot be printed"),
        ({"name": "x", "target": "openai/x", "tier": 99999999999999999999}, "tier"),
        ({"name": "x", "target": "openai/x", "reason": 3}, "reason"),
    ],
)
def test_a_model_that_cannot_be_is_refused_with_what_is_wrong(
    service: Service, body: dict[str, Any], said: str
) -> None:
    response = service.http.post("/admin/models", json=body)
    assert response.status_code in (400, 422)
    assert said in response.text


def test_nothing_is_done_twice_or_to_a_stranger(service: Service) -> None:
    assert service.http.post("/admin/models/medium/readmit").status_code == 400
    assert service.http.post("/admin/models/nobody/retire").status_code == 404
    assert service.http.get("/admin/models/nobody/events").status_code == 404


def test_only_an_administrators_key_is_let_in(route_with: Callable[..., Service], sqlite_url: str) -> None:
    service = route_with(sqlite_url, server={"auth": "keys"}, learner={"enabled": False})
    headers = {"authorization": f"Bearer {service.services.stores.keys.create('ann', now=NOW)}"}
    paths = ["/admin/models", "/admin/models/small/events"]
    assert [service.http.get(path, headers=headers).status_code for path in paths] == [403, 403]
    paths = ["/admin/models", "/admin/models/small/retire", "/admin/models/small/readmit"]
    assert [service.http.post(path, headers=headers, json={}).status_code for path in paths] == [403, 403, 403]


def test_a_model_out_of_order_is_left_out_and_shown_so(service: Service, upstream: Upstream) -> None:
    upstream.errors["small"] = (500, "boom")
    for _ in range(5):
        service.decide()
    upstream.bodies.clear()
    service.decide()
    assert "small" not in upstream.called
    assert 'bandit_router_model_circuit_open{model="small"} 1.0' in service.http.get("/metrics").text


def test_changing_the_file_changes_the_models_of_the_running_service(
    sqlite_url: str, tmp_path: Path, running_upstream: tuple[Upstream, str], provider_key: str
) -> None:
    from bandit_router.api.app import create_app
    from bandit_router.settings import load_settings

    def write(*names: str) -> None:
        head = f'[server]\nauth = "off"\n[store]\nurl = "{sqlite_url}"\n[learner]\nenabled = false\n'
        head += "[aside]\nprobe_usd_per_day = 0\n"
        price = "input_usd_per_million = 1.0\noutput_usd_per_million = 1.0"
        path.write_text(head + "".join(f'[[models]]\nname = "{n}"\ntarget = "openai/{n}"\n{price}\n' for n in names))

    from bandit_router.resources import shipped

    (tmp_path / "policies").symlink_to(shipped("policies"))
    path = tmp_path / "router.toml"
    write("one", "two")
    app = create_app(load_settings(path), config=path)
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as http:
        write("one", "three")
        app.state.running.services.file.look()
        found = [each["id"] for each in http.get("/v1/models").json()["data"]]
        assert {"one", "three"} <= set(found)
        assert "two" not in found
        path.write_text("nonsense")
        app.state.running.reload()
        assert not app.state.running.services.file.look()
        assert "three" in [each["id"] for each in http.get("/v1/models").json()["data"]]


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted to it."""

    posted: list[bytes]
    codes: list[int]
    """What it says to each post in turn; 204 at last."""

    def do_POST(self) -> None:
        self.posted.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(self.codes.pop(0) if self.codes else 204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_the_webhook_gets_an_event_as_json() -> None:
    assert posted() == (True, [])
    assert b'"model": "large"' in Hook.posted[0]
    assert b'"state": "degraded"' in Hook.posted[0]


def posted(*codes: int) -> tuple[bool, list[float]]:
    """Post to a receiver that says these at first; return whether it took the event, and the waits meanwhile."""
    Hook.posted, Hook.codes, waits = [], list(codes), []
    event = ModelEvent(model="large", at=NOW, state="degraded", reason="answers got worse", key="k")
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        taken = post(f"http://127.0.0.1:{server.server_port}/", event, sleep=waits.append)
        server.shutdown()
        thread.join(10)
    return taken, waits


def test_the_webhook_is_tried_again_while_the_receiver_is_in_trouble() -> None:
    assert posted(503, 429) == (True, list(WAITS_S[:2]))


def test_a_receiver_that_stays_in_trouble_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    assert posted(500, 500, 500, 500, 500) == (False, list(WAITS_S))
    assert len(Hook.posted) == 1 + len(WAITS_S)
    assert "did not take an event" in caplog.text


def test_a_receiver_that_refuses_is_not_asked_again() -> None:
    assert posted(404) == (False, [])


def test_a_webhook_that_nobody_answers_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert not post("http://127.0.0.1:9/", ModelEvent(model="large", at=NOW, reason="x"), sleep=lambda _: None)
    assert "webhook" in caplog.text
