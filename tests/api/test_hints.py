"""Request hints: from headers and metadata to what the router does; bad ones are named."""

from __future__ import annotations

from typing import Any

import pytest

from bandit_router.api.hints import read_hints
from bandit_router.registry.catalog import Catalog
from bandit_router.types import Model
from tests.api.service import Service
from tests.api.upstream import Upstream


def model_of(router: Service, **more: Any) -> str:
    return router.chat(**more).raise_for_status().headers["x-router-model"]


def test_a_policy_can_be_asked_for(router: Service) -> None:
    assert model_of(router, headers={"x-router-policy": "dearest"}) == "large"


def test_models_can_be_allowed_by_name_and_tier(router: Service) -> None:
    assert model_of(router, headers={"x-router-allow": "large, tier-1"}) == "medium"


def test_a_tier_stands_for_all_its_models() -> None:
    models = [
        Model(name=name, target=name, tier=tier, input_usd_per_token=0.0, output_usd_per_token=0.0)
        for name, tier in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert read_hints([(b"x-router-deny", b"tier-0")], {}, Catalog(tuple(models))).deny == {"a", "b"}


def test_models_can_be_denied(router: Service) -> None:
    assert model_of(router, headers={"x-router-deny": "small,medium"}) == "large"


def test_a_ceiling_rules_out_dear_models(router: Service) -> None:
    assert model_of(router, model="dearest", headers={"x-router-max-cost-usd": "0.003"}) == "medium"


def test_a_minimum_of_quality_makes_it_climb(router: Service, upstream: Upstream) -> None:
    cut_off = {"role": "assistant", "content": "```python\ndef f(:\n```"}
    upstream.messages |= {"small": cut_off, "medium": cut_off}
    assert model_of(router, headers={"x-router-min-quality": "0.9"}) == "large"


@pytest.mark.parametrize(
    "metadata", [{"x-router-deny": "small"}, {"deny": "small"}, {"X-Router-Deny": ["small"]}], ids=str
)
def test_metadata_can_hold_hints(router: Service, metadata: dict[str, Any]) -> None:
    assert model_of(router, metadata=metadata) == "medium"


def test_a_header_goes_before_metadata(router: Service) -> None:
    hints = {"headers": {"x-router-deny": "small,medium"}, "metadata": {"x-router-deny": "large"}}
    assert model_of(router, **hints) == "large"


def test_the_value_and_the_session_are_in_the_decision(router: Service) -> None:
    response = router.chat(headers={"x-router-value-usd": "0.25", "x-router-session": "s-1"})
    found = router.decision(response.headers["x-router-decision-id"])
    assert (found["value_usd"], found["session"]) == (0.25, "s-1")


def test_the_dial_for_time_is_in_the_decision_and_its_reward(router: Service) -> None:
    found = [
        router.decision(router.decide(model="small", headers=headers))
        for headers in ({}, {"x-router-value-s": "1000000"}, {"x-router-value-s": "0.000001"})
    ]
    assert [one["value_s"] for one in found] == [None, 1e6, 1e-6]
    rewards = [
        router.decision(router.decide(headers={"x-router-value-s": value}))["reward"] for value in ("1e6", "1e-6")
    ]
    assert (rewards[0] > 0.8, rewards[1]) == (True, -1.0)


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        ("value-usd", "nan"),
        ("value-usd", "0"),
        ("value-usd", "-1"),
        ("value-usd", "inf"),
        ("value-usd", "much"),
        ("value-usd", ""),
        ("value-s", "0"),
        ("value-s", "soon"),
        ("max-cost-usd", "-0.1"),
        ("min-quality", "1.1"),
        ("allow", "smal"),
        ("allow", ","),
        ("deny", "nobody"),
        ("region", ""),
        ("session", "x" * 300),
    ],
)
def test_a_bad_hint_is_named(router: Service, upstream: Upstream, hint: str, value: str) -> None:
    response = router.chat(headers={f"x-router-{hint}": value})
    assert (response.status_code, response.json()["error"]["param"]) == (400, f"x-router-{hint}")
    assert f"x-router-{hint}" in response.json()["error"]["message"]
    assert upstream.called == []


@pytest.mark.parametrize("value", [True, [0.1], {"a": 1}, 10**400], ids=["bool", "list", "object", "huge"])
def test_a_bad_hint_in_metadata_is_named(router: Service, value: Any) -> None:
    response = router.chat(metadata={"value_usd": value})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "x-router-value-usd")


def test_an_unknown_model_in_a_list_is_suggested(router: Service) -> None:
    response = router.chat(headers={"x-router-allow": "lage"})
    assert "did you mean 'large'?" in response.json()["error"]["message"]


def test_a_mistyped_hint_in_metadata_is_suggested(router: Service) -> None:
    response = router.chat(metadata={"x-router-min-qualty": "0.5"})
    assert response.status_code == 400
    assert "did you mean 'x-router-min-quality'?" in response.json()["error"]["message"]


def test_a_mistyped_hint_in_a_header_is_suggested(router: Service, upstream: Upstream) -> None:
    response = router.chat(headers={"X-Router-Max-Cost": "0.5"})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "x-router-max-cost")
    assert "did you mean 'x-router-max-cost-usd'?" in response.json()["error"]["message"]
    assert upstream.called == []
