"""POST /v1/feedback: scores and labels, once each, in time or late; what makes no sense is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.service import Service, make_settings, routing
from tests.api.upstream import Upstream
from tests.databases import sqlite_copy


def give(router: Service, **fields: Any) -> httpx.Response:
    return router.http.post("/v1/feedback", json=fields)


@pytest.fixture(scope="module")
def shared_router(
    sqlite_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
    running_upstream: tuple[Upstream, str],
    provider_key: str,
) -> Iterator[Service]:
    """A router of these tests' own: what they say of its answers teaches it what its judges are worth."""
    database = sqlite_copy(sqlite_file, tmp_path_factory.mktemp("feedback"))
    with routing(make_settings(database, running_upstream[1])) as service:
        yield service


@pytest.fixture
def decided(router: Service) -> str:
    """A decision that can be given feedback on."""
    return router.decide()


def test_feedback_becomes_part_of_the_decision(router: Service, decided: str) -> None:
    told = give(router, decision_id=decided, score=0.25, comment="too short").json()
    assert (told["score"], told["duplicate"], told["late"]) == (0.25, False, False)
    found = router.decision(decided)
    assert [(f["id"], f["score"], f["comment"], f["late"]) for f in found["feedback"]] == [
        (told["id"], 0.25, "too short", False)
    ]


def test_feedback_takes_the_place_of_the_judges_in_the_reward(router: Service, decided: str) -> None:
    before = router.decision(decided)["reward"]
    give(router, decision_id=decided, score=0.0)
    assert router.decision(decided)["reward"] == pytest.approx(before - 1.0)


def test_a_label_stands_for_a_score(router: Service, decided: str) -> None:
    assert give(router, decision_id=decided, label="partial").json()["score"] == 0.5


@pytest.mark.parametrize(
    ("fields", "kind", "score"),
    [
        ({"score": 0.25}, "score", 0.25),
        ({"score": 0.25, "label": "good"}, "score", 0.25),
        ({"label": "good"}, "label", 1.0),
        ({"thumbs": "down"}, "thumbs", 0.0),
        ({"retry": True}, "retry", 0.2),
        ({"edit_distance": 0.25}, "edit_distance", 0.75),
        ({"edit_distance": 0}, "edit_distance", 1.0),
        ({"copied": True}, "copied", 0.9),
    ],
    ids=str,
)
def test_every_kind_of_feedback_is_kept_as_what_it_is(
    router: Service, decided: str, fields: dict[str, Any], kind: str, score: float
) -> None:
    told = give(router, decision_id=decided, **fields).raise_for_status().json()
    found = router.decision(decided)["feedback"][0]
    assert (told["kind"], told["score"]) == (found["kind"], found["score"]) == (kind, score)


def test_a_client_cannot_send_a_review(router: Service, decided: str) -> None:
    assert give(router, decision_id=decided, review=1.0).status_code == 422


def test_feedback_is_counted_by_kind(router: Service, decided: str) -> None:
    give(router, decision_id=decided, copied=True)
    assert 'bandit_router_feedback_total{kind="copied"}' in router.http.get("/metrics").text


def test_the_id_of_the_completion_will_do(router: Service, decided: str) -> None:
    assert give(router, decision_id=f"chatcmpl-{decided}", score=1).json()["decision_id"] == decided


def test_feedback_sent_twice_counts_once(router: Service, decided: str) -> None:
    again = [give(router, decision_id=decided, score=score, id="twice").json() for score in (1.0, 0.0)]
    assert [told["duplicate"] for told in again] == [False, True]
    assert [told["score"] for told in again] == [1.0, 1.0]
    assert [f["score"] for f in router.decision(decided)["feedback"]] == [1.0]


def test_an_id_that_another_decision_has_used_is_a_conflict(router: Service, decided: str) -> None:
    other = router.decide()
    give(router, decision_id=other, score=1.0, id="taken")
    response = give(router, decision_id=decided, score=1.0, id="taken")
    assert (response.status_code, response.json()["error"]["param"]) == (409, "id")


def test_feedback_on_a_decision_that_is_not_there_is_not_found(router: Service) -> None:
    response = give(router, decision_id="nothing", score=1.0)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "decision_not_found")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"score": 1.01}, "score"),
        ({"score": -0.01}, "score"),
        ({"score": 10**400}, "score"),
        ({"score": "1"}, "score"),
        ({"score": True}, "score"),
        ({}, "score"),
        ({"label": "great"}, "label"),
        ({"label": 1}, "label"),
        ({"thumbs": "sideways"}, "thumbs"),
        ({"thumbs": True}, "thumbs"),
        ({"retry": False}, "retry"),
        ({"copied": 1}, "copied"),
        ({"edit_distance": 1.5}, "edit_distance"),
        ({"edit_distance": "most"}, "edit_distance"),
        ({"retry": True, "copied": True}, "copied"),
        ({"score": 1, "thumbs": "up"}, "thumbs"),
        ({"score": 1, "id": ""}, "id"),
        ({"score": 1, "id": 5}, "id"),
        ({"score": 1, "comment": ["x"]}, "comment"),
        ({"score": 1, "decision_id": None}, "decision_id"),
        ({"score": 1, "decision_id": 7}, "decision_id"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_feedback_that_makes_no_sense_is_refused(
    router: Service, decided: str, fields: dict[str, Any], param: str
) -> None:
    response = give(router, **{"decision_id": decided, **fields})
    assert (response.status_code, response.json()["error"]["param"]) == (422, param)
    assert router.decision(decided)["feedback"] == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_feedback_that_is_no_number_is_refused(router: Service, decided: str, number: str) -> None:
    body = f'{{"decision_id": "{decided}", "score": {number}}}'
    response = router.http.post("/v1/feedback", content=body)
    assert (response.status_code, response.json()["error"]["param"]) == (422, "score")


def test_malformed_feedback_is_a_bad_request(router: Service) -> None:
    assert router.http.post("/v1/feedback", content=b'{"score": ').status_code == 400


def test_late_feedback_is_kept_and_marked(route_with: Callable[..., Service], sqlite_url: str) -> None:
    router = route_with(sqlite_url, reward={"feedback_window_s": 1e-6})
    decided = router.decide()
    before = router.decision(decided)["reward"]
    response = give(router, decision_id=decided, score=0.0)
    assert (response.status_code, response.json()["late"]) == (200, True)
    found = router.decision(decided)
    assert [(f["score"], f["late"]) for f in found["feedback"]] == [(0.0, True)]
    assert found["reward"] == before
