"""GET /v1/models, POST /v1/route and GET /v1/decisions/{id}: what can be chosen, what was, and why."""

from __future__ import annotations

import math
from typing import Any

import openai
import pytest

from tests.api.service import Service
from tests.api.upstream import Upstream

MESSAGES: Any = [{"role": "user", "content": "Why are there tides?"}]


def test_the_models_are_listed_with_their_kinds(router: Service) -> None:
    with router.openai() as client:
        kinds = {model.id: model.owned_by for model in client.models.list()}
    assert {name: kinds[name] for name in ("auto", "small", "tier-2", "vw_cb")} == {
        "auto": "router",
        "small": "model",
        "tier-2": "tier",
        "vw_cb": "policy",
    }


def test_everything_listed_can_be_asked_for(router: Service) -> None:
    listed = [model["id"] for model in router.http.get("/v1/models").json()["data"]]
    assert {router.chat(model=name).status_code for name in listed} == {200}


def test_one_model_can_be_looked_up(router: Service) -> None:
    with router.openai() as client:
        found = client.models.retrieve("tier-1")
        with pytest.raises(openai.NotFoundError, match="did you mean 'tier-"):
            client.models.retrieve("tier-9")
    assert (found.id, found.object) == ("tier-1", "model")


def test_a_route_calls_no_model(router: Service, upstream: Upstream) -> None:
    response = router.http.post("/v1/route", json={"model": "auto", "messages": MESSAGES})
    assert (response.status_code, upstream.called) == (200, [])


def test_a_route_says_what_could_be_chosen(router: Service) -> None:
    body = router.http.post("/v1/route", json={"model": "vw_cb", "messages": MESSAGES}).json()
    assert [c["model"] for c in body["candidates"]] == ["small", "medium", "large"]
    assert math.isclose(sum(c["probability"] for c in body["candidates"]), 1.0)
    assert [c["model"] for c in body["candidates"] if c["chosen"]] == [body["model"]]
    assert body["propensity"] == next(c["probability"] for c in body["candidates"] if c["chosen"])
    costs = [c["expected_cost_usd"] for c in body["candidates"]]
    assert costs == sorted(costs)
    assert (body["policy"], 0 <= body["confidence"] <= 1, bool(body["category"])) == ("vw_cb", True, True)


def test_a_route_is_a_decision_without_an_outcome(router: Service) -> None:
    routed = router.http.post("/v1/route", json={"model": "auto", "messages": MESSAGES})
    found = router.decision(routed.json()["decision_id"])
    assert (found["status"], found["attempts"], found["reward"]) == ("open", [], None)
    assert [step["chosen"] for step in found["steps"]] == [routed.json()["model"]]


def test_a_route_checks_its_body_like_a_completion(router: Service) -> None:
    response = router.http.post("/v1/route", json={"model": "auto", "messages": []})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "messages")


def test_a_decision_shows_every_step_and_attempt(router: Service, upstream: Upstream) -> None:
    upstream.messages["small"] = {"role": "assistant", "content": "I'm sorry, but I can't help with that."}
    response = router.chat()
    found = router.decision(response.headers["x-router-decision-id"])
    assert [step["chosen"] for step in found["steps"]] == ["small", "medium", "stop"]
    assert [(a["model"], a["status"], a["output_tokens"]) for a in found["attempts"]] == [
        ("small", "ok", 100),
        ("medium", "ok", 100),
    ]
    first, second = (attempt["judgement"] for attempt in found["attempts"])
    assert (first["quality"], second["quality"]) == (0.1, 1.0)
    assert first["verdicts"][0]["judge"] == "rules"
    assert (found["model"], found["served"], found["quality"]) == ("medium", 1, 1.0)
    assert found["cost_usd"] == pytest.approx(float(response.headers["x-router-cost-usd"]))


def test_the_propensities_of_every_step_sum_to_one(router: Service, upstream: Upstream) -> None:
    upstream.messages["small"] = {"role": "assistant", "content": "I'm sorry, but I can't help with that."}
    for _ in range(5):
        found = router.decision(router.decide(model="live"))
        for step in found["steps"]:
            assert math.isclose(sum(c["probability"] for c in step["candidates"]), 1.0)
            assert [c["probability"] for c in step["candidates"] if c["chosen"]] == [step["propensity"]]


def test_the_reward_is_quality_less_cost_in_units_of_the_dial(router: Service) -> None:
    response = router.chat(headers={"x-router-value-usd": "0.01"})
    found = router.decision(response.headers["x-router-decision-id"])
    assert found["reward"] == pytest.approx(1.0 - 0.0011 / 0.01)


def test_a_sentence_says_why(router: Service, upstream: Upstream) -> None:
    upstream.errors["small"] = (429, "slow down")
    summary = router.decision(router.decide(model="vw_cb"))["summary"]
    assert summary.startswith("Policy vw_cb (version ")
    assert "among 3 models for a request of category" in summary
    assert "small failed (rate_limit)" in summary or "small" not in summary
    assert summary.endswith(".")


def test_a_sentence_says_that_the_request_named_its_model(router: Service) -> None:
    summary = router.decision(router.decide(model="medium"))["summary"]
    assert summary.startswith("The request named medium (tier 1), so no policy chose")


def test_a_decision_is_found_by_the_id_of_its_completion(router: Service) -> None:
    response = router.chat()
    found = router.http.get(f"/v1/decisions/{response.json()['id']}").json()
    assert found["decision_id"] == response.headers["x-router-decision-id"]


@pytest.mark.parametrize("id", ["nothing", "a/b", "%00", "%ED%A0%80", "x" * 5000], ids=lambda id: id[:9])
def test_an_unknown_decision_is_not_found(router: Service, id: str) -> None:
    response = router.http.get(f"/v1/decisions/{id}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "decision_not_found")


def test_the_prompt_is_not_in_the_account(router: Service) -> None:
    response = router.chat("the unusual word zyzzyva")
    assert "zyzzyva" not in router.http.get(f"/v1/decisions/{response.headers['x-router-decision-id']}").text
