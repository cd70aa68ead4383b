"""/healthz, /readyz and /metrics, and the whole of it on both kinds of database before the simulated fleet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from bandit_router.api.app import create_app
from bandit_router.errors import SchemaOutdated
from simulate.fleet.judge import JUDGE
from simulate.fleet.options import FleetOptions
from simulate.fleet.server import FleetServer
from simulate.outcomes import Arm, Row, Table
from tests.api.service import Service, make_settings
from tests.api.upstream import Upstream

PROMPT = "What is seven times eight, and why?"
TABLE = Table(
    rows=(
        Row(
            id="r0",
            category="maths",
            prompt=PROMPT,
            arms={"small": Arm(score=0.0, cost_usd=1e-5), "large": Arm(score=1.0, cost_usd=1e-3)},
        ),
    ),
    models=("small", "large"),
)


def metrics_of(router: Service) -> dict[tuple[str, ...], float]:
    """Return every sample's value by its name and the values of its labels, which are in the order of their names."""
    families = text_string_to_metric_families(router.http.get("/metrics").text)
    return {
        (sample.name.removeprefix("bandit_router_"), *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_service_is_alive_and_ready(router: Service) -> None:
    assert router.http.get("/healthz").json() == {"status": "ok"}
    assert router.http.get("/readyz").json() == {"status": "ready"}


def test_an_older_schema_is_not_ready(route_with: Callable[..., Service], sqlite_url: str) -> None:
    router = route_with(sqlite_url, learner={"enabled": False})
    with router.services.stores.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    response = router.http.get("/readyz")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "schema_outdated")


async def test_an_older_schema_is_not_served_at_all(tmp_path: Path) -> None:
    app = create_app(make_settings(f"sqlite:///{tmp_path / 'empty.db'}", "http://127.0.0.1:9"))
    with pytest.raises(SchemaOutdated, match="bandit-router migrate"):
        async with app.router.lifespan_context(app):
            pass


def test_the_metrics_count_what_happened(
    route_with: Callable[..., Service], sqlite_url: str, upstream: Upstream
) -> None:
    router = route_with(sqlite_url, policies=make_settings(sqlite_url, "x").policies)
    router.chat()
    upstream.messages["small"] = {"role": "assistant", "content": "I'm sorry, but I can't help with that."}
    router.chat()
    upstream.errors |= {"small": (429, "slow"), "medium": (500, "boom"), "large": (500, "boom")}
    router.chat()
    router.chat(model="nobody")
    found = metrics_of(router)
    expected = {
        ("requests_total", "fixed_cascade", "ok"): 2,
        ("requests_total", "fixed_cascade", "failed"): 1,
        ("attempts_total", "small", "ok"): 2,
        ("attempts_total", "medium", "ok"): 1,
        ("model_errors_total", "rate_limit", "small"): 1,
        ("model_errors_total", "error", "large"): 1,
        ("escalations_total", "fixed_cascade"): 1,
        ("judge_cost_usd_total", "rules"): 0,
        ("http_errors_total", "all_models_failed", "502"): 1,
        ("http_errors_total", "model_not_found", "404"): 1,
        ("decision_seconds_count",): 3,
        ("request_seconds_count",): 3,
        ("overhead_seconds_count",): 2,
        ("policy_version", "vw_cb"): found[("policy_version", "vw_cb")],
        ("store_up",): 1,
    }
    assert {key: found.get(key) for key in expected} == expected
    assert found[("model_cost_usd_total", "small")] == pytest.approx(2 * 1100e-6)
    assert found[("model_cost_usd_total", "medium")] == pytest.approx(1100 * 5e-6)


def test_the_lag_counts_what_was_not_learned(route_with: Callable[..., Service], sqlite_url: str) -> None:
    router = route_with(sqlite_url, learner={"enabled": False})
    for _ in range(3):
        router.chat()
    found = metrics_of(router)
    assert (found[("learner_lag_events", "vw_cb")], found[("policy_version", "vw_cb")]) == (3, 0)
    assert found[("learner_lag_seconds", "vw_cb")] > 0


def test_what_was_learned_lags_no_more(route_with: Callable[..., Service], sqlite_url: str) -> None:
    router = route_with(sqlite_url, learner={"enabled": False})
    router.chat()
    router.services.learner.tick()
    router.services.learned.policies.refresh()
    found = metrics_of(router)
    assert (found[("learner_lag_events", "vw_cb")], found[("policy_version", "vw_cb")]) == (0, 1)


def test_two_services_in_one_process_count_apart(
    route_with: Callable[..., Service], sqlite_url: str, router: Service
) -> None:
    router.chat()
    other = route_with(sqlite_url)
    assert metrics_of(other)[("decision_seconds_count",)] == 0


def test_the_fleet_is_routed_judged_and_rated(route_with: Callable[..., Service], database_url: str) -> None:
    with FleetServer(TABLE, FleetOptions(judge_noise=0.0)) as fleet:
        models = [
            {"name": name, "tier": tier, "input_usd_per_million": 1, "output_usd_per_million": tier + 1}
            for tier, name in enumerate(TABLE.models)
        ]
        judge = {"kind": "llm", "input_usd_per_million": 1, "output_usd_per_million": 1}
        router = route_with(
            database_url,
            models=[{**m, "target": f"openai/{m['name']}", "api_base": fleet.url} for m in models],
            judges=[{**judge, "target": f"openai/{JUDGE}", "api_base": fleet.url}],
        )
        headers = router.chat(PROMPT).headers
        decided = headers["x-router-decision-id"]
        assert router.http.post("/v1/feedback", json={"decision_id": decided, "label": "good"}).status_code == 200
        found = router.decision(decided)
    assert (headers["x-router-model"], headers["x-router-quality"]) == ("large", "1.0000")
    assert [a["judgement"]["quality"] for a in found["attempts"]] == [0.0, 1.0]
    assert all(a["judgement"]["cost_usd"] > 0 for a in found["attempts"])
    assert [f["label"] for f in found["feedback"]] == ["good"]
