"""The fleet over real HTTP, with the official client and with bare requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest

from bandit_router.errors import ConfigError
from simulate.fleet.app import create_app
from simulate.fleet.options import FleetOptions
from simulate.fleet.server import FleetServer
from simulate.outcomes import Arm, Row, Table
from simulate.prices import price_list

Serve = Callable[..., FleetServer]


@pytest.fixture
def fleet(serve: Serve, table: Table) -> FleetServer:
    return serve(table, judge_noise=0.0)


@pytest.fixture
def client(fleet: FleetServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=fleet.url, api_key="any", max_retries=0) as made:
        yield made


def body(prompt: str, model: str = "tiny", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": prompt}], **more}


def ask(fleet: FleetServer, prompt: str, model: str = "tiny", **more: Any) -> httpx.Response:
    return httpx.post(f"{fleet.url}/chat/completions", json=body(prompt, model, **more))


def text(response: httpx.Response) -> str:
    return str(response.json()["choices"][0]["message"]["content"])


def order(fleet: FleetServer, **changes: Any) -> httpx.Response:
    return httpx.post(fleet.url.replace("/v1", "/control"), json=changes)


def grade(fleet: FleetServer, question: str, answer: str) -> float:
    response = ask(fleet, json.dumps({"question": question, "answer": answer}), "judge")
    return float(json.loads(text(response))["score"])


def test_the_openai_client_gets_an_answer_and_its_usage(client: openai.OpenAI, table: Table) -> None:
    row = table.rows[3]
    answer = client.chat.completions.create(model="huge", messages=[{"role": "user", "content": f" {row.prompt}\n"}])
    price = price_list(table)["huge"]
    assert answer.usage is not None
    cost = answer.usage.prompt_tokens * price[0] + answer.usage.completion_tokens * price[1]
    assert cost == pytest.approx(row.arms["huge"].cost_usd, rel=0.01)
    assert answer.choices[0].message.content


def test_the_openai_client_reads_the_same_answer_from_a_stream(client: openai.OpenAI, table: Table) -> None:
    messages: list[Any] = [{"role": "user", "content": table.rows[3].prompt}]
    whole = client.chat.completions.create(model="huge", messages=messages)
    chunks = list(
        client.chat.completions.create(
            model="huge", messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert (streamed, chunks[-1].usage) == (whole.choices[0].message.content, whole.usage)


def test_a_stream_has_usage_only_when_asked(client: openai.OpenAI) -> None:
    chunks = client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "hi"}], stream=True)
    assert all(chunk.usage is None for chunk in chunks)


def test_the_openai_client_lists_the_models_and_the_judge(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["tiny", "huge", "judge"]


def test_the_openai_client_sees_an_unknown_model_as_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="did you mean 'tiny'"):
        client.chat.completions.create(model="tinny", messages=[{"role": "user", "content": "hi"}])


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (b"{", None),
        (b"[]", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        (b'{"messages": [{"role": "user", "content": "x"}]}', "model"),
        (b'{"model": "tiny"}', "messages"),
        (b'{"model": "tiny", "messages": []}', "messages"),
        (b'{"model": "tiny", "messages": ["x"]}', "messages"),
        (b'{"model": "tiny", "messages": [{"role": "system", "content": "x"}]}', "messages"),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": 7}]}', "messages"),
    ],
)
def test_a_malformed_request_is_a_400_in_openais_shape(fleet: FleetServer, content: bytes, param: str | None) -> None:
    response = httpx.post(f"{fleet.url}/chat/completions", content=content)
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert error["message"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("GET", "/chat/completions")])
def test_a_path_that_is_not_there_is_an_error_in_openais_shape(fleet: FleetServer, method: str, path: str) -> None:
    response = httpx.request(method, fleet.url + path)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_text_that_is_not_unicode_is_answered_all_the_same(fleet: FleetServer) -> None:
    content = rb'{"model": "tiny", "messages": [{"role": "user", "content": "\ud800"}]}'
    assert httpx.post(f"{fleet.url}/chat/completions", content=content).status_code == 200


def test_the_last_user_message_is_what_is_answered(fleet: FleetServer, table: Table) -> None:
    conversation = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "something before"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": [{"type": "text", "text": table.rows[0].prompt}]},
    ]
    response = httpx.post(f"{fleet.url}/chat/completions", json={"model": "tiny", "messages": conversation})
    assert text(response) == text(ask(fleet, table.rows[0].prompt))


def test_the_judge_grades_each_models_answer_by_its_true_score(fleet: FleetServer, table: Table) -> None:
    prompt = table.rows[0].prompt
    assert [grade(fleet, prompt, text(ask(fleet, prompt, model))) for model in ("tiny", "huge")] == [0.0, 1.0]


def test_every_call_fails_at_an_error_rate_of_one(serve: Serve, table: Table) -> None:
    response = ask(serve(table, error_rate=1.0), "hi")
    assert (response.status_code, response.json()["error"]["type"]) == (500, "server_error")


def test_a_rate_limit_says_when_to_come_back(serve: Serve, table: Table) -> None:
    response = ask(serve(table, rate_limit_rate=1.0), "hi")
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")


def test_a_hanging_call_gives_no_answer(serve: Serve, table: Table) -> None:
    fleet = serve(table, timeout_rate=1.0)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{fleet.url}/chat/completions", json=body("hi"), timeout=0.2)


def test_a_hanging_call_ends_at_its_limit(serve: Serve, table: Table) -> None:
    assert ask(serve(table, timeout_rate=1.0, hang_s=0.01), "hi").status_code == 504


def test_a_model_can_be_taken_down_and_brought_back(fleet: FleetServer) -> None:
    order(fleet, model="tiny", down=True)
    down = ask(fleet, "hi").status_code
    order(fleet, model="tiny", down=False)
    assert (down, ask(fleet, "hi").status_code) == (503, 200)


def test_a_degraded_model_scores_like_the_other_at_its_own_price(fleet: FleetServer, table: Table) -> None:
    prompt = table.rows[0].prompt
    before = ask(fleet, prompt, "huge")
    order(fleet, model="huge", degrade_to="tiny")
    after = ask(fleet, prompt, "huge")
    assert (grade(fleet, prompt, text(before)), grade(fleet, prompt, text(after))) == (1.0, 0.0)
    assert before.json()["usage"] == after.json()["usage"]


def test_an_unlisted_model_is_unknown_until_it_is_added(fleet: FleetServer) -> None:
    order(fleet, model="huge", listed=False)
    without = [model["id"] for model in httpx.get(f"{fleet.url}/models").json()["data"]]
    assert (without, ask(fleet, "hi", "huge").status_code) == (["tiny", "judge"], 404)
    order(fleet, model="huge", listed=True)
    assert ask(fleet, "hi", "huge").status_code == 200


def test_a_model_answers_as_another_version_once_it_is_told_to(fleet: FleetServer, client: openai.OpenAI) -> None:
    assert {ask(fleet, "hi").json()[key] for key in ("model", "system_fingerprint")} == {"tiny", "fp_fleet"}
    order(fleet, model="tiny", says="tiny-2", fingerprint="fp_2")
    whole = ask(fleet, "hi").json()
    chunks = client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "hi"}], stream=True)
    assert {(chunk.model, chunk.system_fingerprint) for chunk in chunks} == {("tiny-2", "fp_2")}
    assert (whole["model"], whole["system_fingerprint"]) == ("tiny-2", "fp_2")


def test_control_answers_with_the_condition_and_refuses_nonsense(fleet: FleetServer) -> None:
    assert order(fleet, model="tiny", error_rate=0.5).json()["error_rate"] == 0.5
    assert order(fleet, model="tiny", error_rate=5).status_code == 400


def test_a_port_in_use_is_refused_with_a_remedy(fleet: FleetServer, table: Table) -> None:
    with pytest.raises(ConfigError, match="choose another --port"):
        FleetServer(table, FleetOptions(), port=fleet.port)


def test_the_port_is_free_again_once_the_fleet_has_stopped(table: Table) -> None:
    with FleetServer(table, FleetOptions()) as first:
        port = first.port
    with FleetServer(table, FleetOptions(), port=port) as second:
        assert ask(second, "hi").status_code == 200


def test_the_fleet_stops_though_a_call_hangs(table: Table) -> None:
    with FleetServer(table, FleetOptions(timeout_rate=1.0)) as fleet, httpx.Client() as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post(f"{fleet.url}/chat/completions", json=body("hi"), timeout=0.1)
        fleet.stop()
        with pytest.raises(httpx.ConnectError):
            ask(fleet, "hi")


def test_a_model_named_like_the_judge_is_refused() -> None:
    arms = {"judge": Arm(score=1.0, cost_usd=1.0)}
    table = Table(rows=(Row(id="1", category="c", prompt="p", arms=arms),), models=("judge",))
    with pytest.raises(ConfigError, match="rename the model"):
        create_app(table, FleetOptions())
