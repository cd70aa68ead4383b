"""Bad input and failing models: every error has OpenAI's shape, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import httpx
import openai
import pytest

from tests.api.service import SECRET, Service
from tests.api.upstream import Upstream

MESSAGES: Any = [{"role": "user", "content": "Hello"}]


def error_of(response: httpx.Response) -> dict[str, Any]:
    """Return the error object, checking its shape."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    error: dict[str, Any] = body["error"]
    return error


def post(router: Service, body: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return router.http.post("/v1/chat/completions", content=content)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b'"x"', b"\xff\xfe", b'{"model": NaN}', b"[" * 50_000, b'{"a":' * 500 + b"1" + b"}" * 500],
    ids=["empty", "cut off", "a list", "a text", "no utf-8", "NaN", "brackets", "nested"],
)
def test_a_body_that_is_no_json_object_is_a_bad_request(router: Service, body: bytes) -> None:
    response = post(router, body)
    assert response.status_code == 400
    assert "body" in error_of(response)["message"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": ["hello"]}, "messages[0]"),
        ({"messages": [*MESSAGES, {"content": "x"}]}, "messages[1].role"),
        ({"messages": [{"role": 1, "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content"),
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"model": ""}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": 1}, "stream_options"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"n": 2}, "n"),
        ({"n": "1"}, "n"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"tools": {"a": 1}}, "tools"),
        ({"response_format": "json"}, "response_format"),
        ({"metadata": "x"}, "metadata"),
    ],
    ids=str,
)
def test_a_bad_field_is_named(router: Service, upstream: Upstream, change: dict[str, Any], param: str) -> None:
    response = post(router, {"model": "auto", "messages": MESSAGES, **change})
    assert (response.status_code, error_of(response)["param"]) == (400, param)
    assert upstream.called == []


def test_an_infinite_number_is_refused_before_a_model_is_called(router: Service, upstream: Upstream) -> None:
    response = post(router, b'{"model": "auto", "temperature": 1e999, "messages": [{"role": "user", "content": "x"}]}')
    assert (response.status_code, error_of(response)["param"], upstream.called) == (400, "temperature", [])


def test_half_of_a_surrogate_pair_is_refused_before_a_model_is_called(router: Service, upstream: Upstream) -> None:
    response = post(router, {"model": "auto", "messages": [{"role": "user", "content": "\ud83d alone"}]})
    assert (response.status_code, upstream.called) == (400, [])


def test_a_whole_surrogate_pair_is_welcome(router: Service) -> None:
    assert post(router, {"model": "auto", "messages": [{"role": "user", "content": "\U0001f600"}]}).status_code == 200


def test_more_than_one_answer_is_said_to_be_unsupported(router: Service) -> None:
    with router.openai() as client, pytest.raises(openai.BadRequestError, match="not supported"):
        client.chat.completions.create(model="auto", messages=MESSAGES, n=3)


def test_an_unknown_model_is_not_found_with_a_suggestion(router: Service) -> None:
    with router.openai() as client, pytest.raises(openai.NotFoundError, match="did you mean 'medium'") as caught:
        client.chat.completions.create(model="mediun", messages=MESSAGES)
    assert (caught.value.code, caught.value.param, caught.value.type) == (
        "model_not_found",
        "model",
        "invalid_request_error",
    )


def test_an_unknown_policy_is_not_found_with_a_suggestion(router: Service) -> None:
    response = router.chat(headers={"x-router-policy": "fixed_cascad"})
    assert (response.status_code, error_of(response)["code"]) == (404, "policy_not_found")
    assert "did you mean 'fixed_cascade'?" in error_of(response)["message"]


def test_a_body_over_the_limit_is_too_large(router: Service, upstream: Upstream) -> None:
    with router.openai() as client, pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "x" * 5_000_000}])
    assert (caught.value.status_code, caught.value.code) == (413, "body_too_large")
    assert upstream.called == []


def test_a_body_over_the_limit_is_too_large_without_a_declared_length(router: Service) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"model": "auto", "x": "'
        for _ in range(50):
            yield b"y" * 10_000
        yield b'"}'

    response = router.http.post("/v1/chat/completions", content=chunks())
    assert "content-length" not in response.request.headers
    assert (response.status_code, error_of(response)["code"]) == (413, "body_too_large")


def test_a_client_that_sends_all_before_it_reads_is_told_too(router: Service) -> None:
    with closing(HTTPConnection(router.http.base_url.host, router.http.base_url.port or 0)) as connection:
        connection.request("POST", "/v1/chat/completions", body=b"x" * 20_000_000)
        assert connection.getresponse().status == 413


def test_a_body_at_the_limit_is_taken(router: Service) -> None:
    body = json.dumps({"model": "auto", "messages": MESSAGES}).encode().ljust(100_000)
    assert [post(router, body).status_code, post(router, body + b" ").status_code] == [200, 413]


def test_a_path_that_is_not_there_is_not_found(router: Service) -> None:
    response = router.http.get("/v1/nothing")
    assert (response.status_code, error_of(response)["code"]) == (404, "not_found")


def test_a_wrong_method_is_said_to_be_one(router: Service) -> None:
    response = router.http.get("/v1/chat/completions")
    assert (response.status_code, error_of(response)["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


def test_what_nobody_foresaw_is_a_500_that_tells_nothing(router: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise ZeroDivisionError(SECRET)

    monkeypatch.setattr(type(router.services.stores.events), "decision", lambda _self, id: fail(id))
    response = router.http.get("/v1/decisions/x")
    assert (response.status_code, error_of(response)["code"]) == (500, "internal_error")
    assert SECRET not in response.text


def test_when_every_model_fails_the_error_lists_the_attempts(router: Service, upstream: Upstream) -> None:
    upstream.errors |= {"small": (500, "boom"), "medium": (429, "slow down"), "large": (503, "busy")}
    with router.openai() as client, pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="auto", messages=MESSAGES)
    assert (caught.value.status_code, caught.value.code) == (502, "all_models_failed")
    said = "failed: small failed (InternalServerError): boom; medium failed (RateLimitError): slow down; large failed ("
    assert said in caught.value.message
    assert caught.value.response.headers["x-router-decision-id"] in caught.value.message


def test_when_every_model_fails_the_decision_shows_every_attempt(router: Service, upstream: Upstream) -> None:
    upstream.errors |= {"small": (500, "boom"), "medium": (429, "slow down"), "large": (503, "busy")}
    found = router.decision(router.chat().headers["x-router-decision-id"])
    assert [(a["model"], a["status"]) for a in found["attempts"]] == [
        ("small", "error"),
        ("medium", "rate_limit"),
        ("large", "error"),
    ]
    assert (found["status"], found["served"], found["reward"]) == ("failed", None, 0.0)


@pytest.mark.parametrize("log_text", ["none", "full"])
def test_no_secret_comes_out_in_any_response(
    route_with: Callable[..., Service], sqlite_url: str, upstream: Upstream, log_text: str
) -> None:
    router = route_with(sqlite_url, store={"url": sqlite_url, "log_text": log_text})
    said = f"bad key {SECRET} at https://models.example/v1?key=AIzaSyA0123456789abcdefghijklmnopqrstu"
    upstream.errors |= dict.fromkeys(("small", "medium", "large"), (400, said))
    failed = router.chat()
    told = [failed, *(router.http.get(path) for path in ("/v1/models", "/metrics", "/readyz", "/openapi.json"))]
    told.append(router.http.get(f"/v1/decisions/{failed.headers['x-router-decision-id']}"))
    texts = [f"{response.text} {response.headers}" for response in told]
    assert failed.status_code == 502
    assert [text for text in texts if SECRET in text or "AIza" in text] == []


def test_an_error_that_quotes_the_prompt_is_not_kept_where_no_text_may_be(
    route_with: Callable[..., Service], sqlite_url: str, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    router = route_with(sqlite_url, store={"url": sqlite_url, "log_text": "none"})
    upstream.errors |= dict.fromkeys(("small", "medium", "large"), (400, "cannot say: my diary of today"))
    failed = router.chat("my diary of today")
    found = router.decision(failed.headers["x-router-decision-id"])
    assert "my diary" in failed.text
    assert [attempt["error"] for attempt in found["attempts"]] == [
        f"{name} failed (BadRequestError)" for name in ("small", "medium", "large")
    ]
    assert "my diary" not in caplog.text
