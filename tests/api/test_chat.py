"""POST /v1/chat/completions through the official client: answers, streams, and what passes through untouched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.api.service import KEY_ENV, Service
from tests.api.upstream import CALL, TEXT, USAGE, Upstream
from tests.databases import sqlite_copy

TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
QUESTION: Any = [{"role": "user", "content": "Why are there tides?"}]


def decision_of(response: httpx.Response) -> str:
    return response.headers["x-router-decision-id"]


def test_the_official_client_gets_an_answer(router: Service) -> None:
    with router.openai() as client:
        answer = client.chat.completions.create(model="auto", messages=QUESTION)
    assert answer.choices[0].message.content == TEXT
    assert (answer.choices[0].finish_reason, answer.model, answer.system_fingerprint) == ("stop", "small", "fp_up")
    assert answer.usage is not None
    assert answer.usage.model_dump(include=set(USAGE)) == USAGE


async def test_the_asynchronous_client_gets_an_answer(router: Service) -> None:
    async with openai.AsyncOpenAI(base_url=f"{router.url}/v1", api_key="none", max_retries=0) as client:
        answer = await client.chat.completions.create(model="auto", messages=QUESTION)
    assert answer.choices[0].message.content == TEXT


def test_the_headers_say_how_the_answer_came_about(router: Service) -> None:
    headers = router.chat().headers
    told = {name.removeprefix("x-router-"): headers[name] for name in headers if name.startswith("x-router-")}
    assert len(told.pop("decision-id")) == 32
    assert float(told.pop("overhead-ms")) >= 0
    assert float(told.pop("cost-usd")) == pytest.approx(1100 * 1e-6)
    assert told == {"model": "small", "tier": "0", "attempts": "1", "quality": "1.0000", "policy": "fixed_cascade"}


def test_the_completion_carries_the_decision_id(router: Service) -> None:
    response = router.chat()
    assert response.json()["id"] == f"chatcmpl-{response.headers['x-router-decision-id']}"


@pytest.mark.parametrize(
    ("asked", "model", "policy"),
    [("large", "large", "pinned"), ("tier-1", "medium", "fixed_cascade"), ("dearest", "large", "dearest")],
)
def test_a_model_a_tier_or_a_policy_can_be_asked_for(router: Service, asked: str, model: str, policy: str) -> None:
    headers = router.chat(model=asked).headers
    assert (headers["x-router-model"], headers["x-router-policy"]) == (model, policy)


def test_a_bad_answer_makes_it_climb(router: Service, upstream: Upstream) -> None:
    upstream.messages["small"] = {"role": "assistant", "content": "I'm sorry, but I can't help with that."}
    response = router.chat()
    assert (response.headers["x-router-model"], response.headers["x-router-attempts"]) == ("medium", "2")


def test_a_model_that_fails_is_passed_over(router: Service, upstream: Upstream) -> None:
    upstream.errors["small"] = (500, "boom")
    assert router.chat().headers["x-router-model"] == "medium"


def test_a_stream_gives_the_same_text(router: Service) -> None:
    with (
        router.openai() as client,
        client.chat.completions.create(model="auto", messages=QUESTION, stream=True) as stream,
    ):
        chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:]] == [None, "stop"]
    assert len(chunks) > 3


def test_a_stream_ends_with_usage_when_it_is_asked_for(router: Service) -> None:
    with (
        router.openai() as client,
        client.chat.completions.create(
            model="auto", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        ) as stream,
    ):
        *others, last = list(stream)
    assert last.usage is not None
    assert (last.choices, last.usage.total_tokens) == ([], USAGE["total_tokens"])
    assert all(chunk.usage is None and chunk.choices for chunk in others)


def test_a_stream_is_server_sent_events_with_the_same_headers(router: Service) -> None:
    response = router.chat(stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-router-model"] == "small"
    assert response.text.endswith("data: [DONE]\n\n")


def test_every_chunk_before_the_usage_says_that_it_has_none(router: Service) -> None:
    text = router.chat(stream=True, stream_options={"include_usage": True}).text
    *others, last = [json.loads(line) for line in text.removesuffix("data: [DONE]\n\n").split("data: ") if line]
    assert {chunk["usage"] for chunk in others} == {None}
    assert last["usage"] == USAGE


def test_the_overhead_leaves_out_the_time_that_models_and_judges_took(router: Service) -> None:
    response = router.chat()
    waited_s = sum(attempt["latency_s"] for attempt in router.decision(decision_of(response))["attempts"])
    overhead_s = float(response.headers["x-router-overhead-ms"]) / 1000
    assert overhead_s + waited_s <= response.elapsed.total_seconds()


def test_models_are_not_asked_to_stream(router: Service, upstream: Upstream) -> None:
    router.chat(stream=True, stream_options={"include_usage": True})
    assert not {"stream", "stream_options"} & set(upstream.bodies[0])


def test_a_tool_call_comes_back_whole(router: Service, upstream: Upstream) -> None:
    upstream.messages["small"] = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    with router.openai() as client:
        answer = client.chat.completions.create(model="auto", messages=QUESTION, tools=[TOOL])
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert [call.model_dump() for call in calls] == [CALL]
    assert answer.choices[0].finish_reason == "tool_calls"


def test_a_streamed_tool_call_is_put_together_again(router: Service, upstream: Upstream) -> None:
    arguments = json.dumps({"city": "Oslo", "why": "because it is there " * 10})
    call = {**CALL, "function": {"name": "weather", "arguments": arguments}}
    upstream.messages["small"] = {"role": "assistant", "content": None, "tool_calls": [call]}
    with (
        router.openai() as client,
        client.chat.completions.stream(model="auto", messages=QUESTION, tools=[TOOL]) as stream,
    ):
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.arguments == arguments
    assert message.tool_calls[0].id == "call_1"


def test_what_openai_takes_passes_through_untouched(router: Service, upstream: Upstream) -> None:
    sent: dict[str, Any] = {
        "temperature": 0.3,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["\n\n"],
        "tools": [TOOL],
        "tool_choice": "auto",
        "response_format": {"type": "json_object"},
        "user": "someone",
        "n": 1,
        "max_completion_tokens": 50,
        "a_parameter_of_tomorrow": {"x": [1]},
    }
    router.chat(**sent)
    assert {name: upstream.bodies[0].get(name) for name in sent} == sent


def test_messages_pass_through_with_images_and_tool_results(router: Service, upstream: Upstream) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}], "name": "ann"},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]
    body = {"model": "auto", "messages": messages}
    assert router.http.post("/v1/chat/completions", json=body).status_code == 200
    assert upstream.bodies[0]["messages"] == messages


def test_an_image_for_models_that_take_none_is_refused_with_each_reason(router: Service) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    response = router.http.post(
        "/v1/chat/completions", json={"model": "auto", "messages": [{"role": "user", "content": [image]}]}
    )
    assert (response.status_code, response.json()["error"]["code"]) == (400, "no_eligible_model")
    assert "large: takes no images" in response.json()["error"]["message"]


def test_metadata_passes_through_without_the_hints_meant_for_the_router(router: Service, upstream: Upstream) -> None:
    router.chat(metadata={"x-router-session": "s1", "team": "blue"})
    router.chat(metadata={"x-router-session": "s1"})
    assert [body.get("metadata") for body in upstream.bodies] == [{"team": "blue"}, None]


def test_text_that_no_header_can_hold_does_not_fail_the_answer(router: Service, upstream: Upstream) -> None:
    upstream.messages["small"] = {"role": "assistant", "content": "half a pair: \ud83d, and 潮汐"}
    assert router.chat().json()["choices"][0]["message"]["content"] == "half a pair: \ud83d, and 潮汐"


def test_a_fusion_makes_one_answer_of_two_and_is_judged_like_any(
    route_with: Callable[..., Service], sqlite_file: Path, tmp_path: Path, upstream: Upstream
) -> None:
    fusion = {"name": "both", "kind": "fuse", "through": "medium", "tier": 3}
    router = route_with(sqlite_copy(sqlite_file, tmp_path), more_models=[fusion])
    code = "```python\ndef f(:\n```"
    upstream.messages |= {name: {"role": "assistant", "content": code} for name in ("small", "medium", "large")}
    decision = router.decision(router.decide(headers={"x-router-min-quality": "0.9"}))
    assert [one["model"] for one in decision["attempts"]] == ["small", "medium", "large", "both"]
    assert upstream.called == ["small", "medium", "large", "medium"]
    assert upstream.bodies[3]["messages"][-1]["content"].count(code) == 3
    assert decision["attempts"][3]["judgement"]["quality"] is not None


def test_a_judge_that_hangs_does_not_keep_an_answer_past_the_deadline(
    route_with: Callable[..., Service], running_upstream: tuple[Upstream, str], sqlite_file: Path, tmp_path: Path
) -> None:
    upstream, url = running_upstream
    upstream.hanging.add("judge")
    grader = {"kind": "llm", "target": "openai/judge", "api_base": f"{url}/v1", "api_key_env": KEY_ENV}
    prices = {"input_usd_per_million": 1, "output_usd_per_million": 1, "timeout_s": 3600}
    router = route_with(
        sqlite_copy(sqlite_file, tmp_path),
        judges=[{"kind": "rules"}, {**grader, **prices}],
        cascade={"deadline_s": 1.0},
    )
    # The client waits for 30 seconds and the judge for an hour.
    decision = router.decision(router.decide())
    (attempt, *_) = decision["attempts"]
    graded = {verdict["judge"]: verdict for verdict in attempt["judgement"]["verdicts"]}
    assert (graded["rules"]["score"], graded["llm"]["score"]) == (1.0, None)
    assert "judge" in upstream.called
