"""GET and POST /admin/review: who may, what they see, and what becomes of a grade."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.api.service import Service

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ALL = {"enabled": True, "audit_share": 1.0}


def act(router: Service, action: str, **fields: Any) -> httpx.Response:
    headers = fields.pop("headers", None)
    return router.http.post("/admin/review", json={"action": action, **fields}, headers=headers)


@pytest.fixture
def reviewed(route_with: Callable[..., Service], sqlite_url: str) -> Service:
    """A router that queues every answer, for two reviewers."""
    store = {"url": sqlite_url, "log_text": "full"}
    return route_with(sqlite_url, store=store, review=ALL | {"reviewers": 2, "daily_limit": 5})


def test_the_queue_lists_what_waits_without_its_text(reviewed: Service) -> None:
    decided = reviewed.decide("the unusual word zyzzyva")
    response = reviewed.http.get("/admin/review")
    body = response.json()
    assert (body["enabled"], body["open"], [item["decision_id"] for item in body["items"]]) == (True, 1, [decided])
    assert (body["items"][0]["reason"], body["items"][0]["wanted"]) == ("audit", 2)
    assert "zyzzyva" not in response.text


def test_a_claim_shows_question_answer_and_verdicts(reviewed: Service) -> None:
    decided = reviewed.decide("the unusual word zyzzyva")
    item = act(reviewed, "claim", reviewer="ann").json()["item"]
    assert (item["decision_id"], item["question"]) == (
        decided,
        [{"role": "user", "content": "the unusual word zyzzyva"}],
    )
    assert item["answer"]["content"]
    assert [verdict["judge"] for verdict in item["verdicts"]] == ["rules"]
    assert item["claimed_until"] > item["queued_at"]


def test_a_grade_overrides_what_the_client_said(reviewed: Service) -> None:
    decided = reviewed.decide()
    reviewed.http.post("/v1/feedback", json={"decision_id": decided, "score": 1}).raise_for_status()
    before = reviewed.decision(decided)["reward"]
    act(reviewed, "claim", reviewer="ann")
    act(reviewed, "grade", reviewer="ann", decision_id=decided, label="bad", comment="wrong").raise_for_status()
    found = reviewed.decision(decided)
    assert found["reward"] == pytest.approx(before - 1.0)
    assert [(f["kind"], f["score"], f["comment"]) for f in found["feedback"]][-1] == ("review", 0.0, "wrong")


def test_two_reviewers_agreement_is_reported(reviewed: Service) -> None:
    for score in (1.0, 0.0):
        decided = reviewed.decide()
        for reviewer in ("ann", "bob"):
            assert act(reviewed, "claim", reviewer=reviewer).json()["item"]["decision_id"] == decided
            act(reviewed, "grade", reviewer=reviewer, decision_id=decided, score=score).raise_for_status()
    assert act(reviewed, "claim", reviewer="eve").json()["item"] is None
    told = reviewed.http.get("/admin/review/report").json()
    assert (told["items"], told["grades"]) == (2, 4)
    assert told["reviewers"] == {"items": 2, "agreement": 1.0, "kappa": 1.0}
    assert told["pairs"][0]["reviewers"] == ["ann", "bob"]
    assert told["panel"]["audit"] == {"items": 2, "agreement": 0.5}


def test_an_escalated_item_goes_to_another_with_its_note(reviewed: Service) -> None:
    decided = reviewed.decide()
    act(reviewed, "claim", reviewer="ann")
    act(reviewed, "escalate", reviewer="ann", decision_id=decided, comment="ask a lawyer").raise_for_status()
    assert act(reviewed, "claim", reviewer="ann").json()["item"] is None
    item = act(reviewed, "claim", reviewer="bob").json()["item"]
    assert (item["escalated"], item["notes"]) == (True, ["ask a lawyer"])


@pytest.mark.parametrize("action", ["skip", "release"])
def test_a_claim_can_end_without_a_grade(reviewed: Service, action: str) -> None:
    decided = reviewed.decide()
    act(reviewed, "claim", reviewer="ann")
    act(reviewed, action, reviewer="ann", decision_id=decided).raise_for_status()
    again = act(reviewed, "claim", reviewer="ann").json()["item"]
    assert (again is None) == (action == "skip")


def test_the_daily_limit_is_kept(reviewed: Service) -> None:
    for _ in range(7):
        reviewed.decide()
    assert reviewed.http.get("/admin/review").json()["open"] == 5
    assert "bandit_router_review_open 5.0" in reviewed.http.get("/metrics").text


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({}, 422, "action"),
        ({"action": "clam"}, 422, "action"),
        ({"action": "claim", "reason": "boredom"}, 422, "reason"),
        ({"action": "claim", "reviewer": 7}, 422, "reviewer"),
        ({"action": "grade", "score": 1}, 422, "decision_id"),
        ({"action": "grade", "decision_id": "nothing", "score": 1.5}, 422, "score"),
        ({"action": "grade", "decision_id": "nothing"}, 422, "score"),
        ({"action": "grade", "decision_id": "nothing", "score": 1}, 404, "decision_id"),
        ({"action": "skip", "decision_id": "nothing"}, 404, "decision_id"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(router: Service, fields: dict[str, Any], status: int, param: str) -> None:
    response = router.http.post("/admin/review", json=fields)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)


def test_a_grade_without_a_claim_is_a_conflict(reviewed: Service) -> None:
    decided = reviewed.decide()
    response = act(reviewed, "grade", reviewer="ann", decision_id=decided, score=1)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "review_conflict")
    assert reviewed.decision(decided)["feedback"] == []


@pytest.mark.parametrize("query", ["status=lost", "reason=boredom", "limit=0", "limit=many", "limit=" + "9" * 5000])
def test_a_filter_that_makes_no_sense_is_refused(router: Service, query: str) -> None:
    response = router.http.get(f"/admin/review?{query}")
    assert (response.status_code, response.json()["error"]["param"]) == (422, query.split("=", maxsplit=1)[0])


def test_filters_are_kept(reviewed: Service) -> None:
    for _ in range(3):
        reviewed.decide()
    found = {
        query: len(reviewed.http.get(f"/admin/review?{query}").json()["items"])
        for query in ("", "status=done", "status=all", "reason=audit", "reason=margin", "limit=2")
    }
    assert list(found.values()) == [3, 0, 3, 3, 0, 2]


def test_a_router_that_queues_nothing_says_so(router: Service) -> None:
    body = router.http.get("/admin/review").json()
    assert (body["enabled"], body["items"]) == (False, [])


def test_only_an_administrators_key_may_review(route_with: Callable[..., Service], sqlite_url: str) -> None:
    store = {"url": sqlite_url, "log_text": "full"}
    locked = route_with(sqlite_url, server={"auth": "keys"}, store=store, review=ALL)
    bearers = [
        {"authorization": f"Bearer {locked.services.stores.keys.create('ann', now=NOW, admin=admin)}"}
        for admin in (False, True)
    ]
    decided = locked.decide(headers=bearers[0])
    for headers, expected in zip(({}, *bearers), (401, 403, 200), strict=True):
        responses = [
            locked.http.get("/admin/review", headers=headers),
            locked.http.get("/admin/review/report", headers=headers),
            act(locked, "claim", headers=headers),
        ]
        assert [response.status_code for response in responses] == [expected] * 3
    assert (responses[-1].json()["reviewer"], responses[-1].json()["item"]["decision_id"]) == ("ann", decided)
