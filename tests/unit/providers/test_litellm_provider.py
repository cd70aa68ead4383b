"""litellm against a real HTTP server: what is sent, what comes back, and every way it fails."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from bandit_router.errors import EmbeddingFailed, ProviderError
from bandit_router.providers.litellm import LitellmProvider
from bandit_router.types import ChatRequest, Completion
from tests.unit.providers.conftest import TOOL_CALL, Endpoint, model

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTION = ChatRequest(messages=({"role": "user", "content": "What is 2 + 2?"},))
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


async def ask(provider: LitellmProvider, endpoint: Endpoint, name: str, **params: Any) -> Completion:
    request = ChatRequest(messages=QUESTION.messages, params=params)
    return await provider.complete(model(name, endpoint.base), request, timeout_s=20)


async def failure(provider: LitellmProvider, endpoint: Endpoint, name: str, **params: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await ask(provider, endpoint, name, **params)
    return caught.value


async def test_an_answer_comes_back_with_its_text(provider: LitellmProvider, endpoint: Endpoint) -> None:
    assert (await ask(provider, endpoint, "fine")).text == "Four, of course."


async def test_a_message_holds_only_what_openai_defines(provider: LitellmProvider, endpoint: Endpoint) -> None:
    completion = await ask(provider, endpoint, "fine")
    assert completion.message == {"role": "assistant", "content": "Four, of course."}


async def test_the_cost_is_the_usage_at_the_models_prices(provider: LitellmProvider, endpoint: Endpoint) -> None:
    completion = await ask(provider, endpoint, "fine")
    assert completion.cost_usd == pytest.approx(1000 * 1e-6 + 100 * 2e-6)


async def test_the_model_reported_and_its_fingerprint_are_kept(provider: LitellmProvider, endpoint: Endpoint) -> None:
    completion = await ask(provider, endpoint, "fine")
    assert (completion.model, completion.system_fingerprint) == ("fine-2026", "fp_1")


async def test_a_model_is_asked_for_log_probabilities_where_its_entry_says_so(
    provider: LitellmProvider, endpoint: Endpoint
) -> None:
    asked = model("fine", endpoint.base, logprobs=True)
    completion = await provider.complete(asked, QUESTION, timeout_s=20)
    assert (endpoint.bodies[-1]["logprobs"], completion.mean_logprob) == (True, -0.75)


async def test_other_models_are_not_asked_for_log_probabilities(provider: LitellmProvider, endpoint: Endpoint) -> None:
    completion = await ask(provider, endpoint, "fine")
    assert ("logprobs" in endpoint.bodies[-1], completion.mean_logprob) == (False, None)


async def test_log_probabilities_that_do_not_come_are_unknown(provider: LitellmProvider, endpoint: Endpoint) -> None:
    silent = model("silent", endpoint.base, logprobs=True)
    assert (await provider.complete(silent, QUESTION, timeout_s=20)).mean_logprob is None


async def test_missing_usage_is_estimated_from_the_text(provider: LitellmProvider, endpoint: Endpoint) -> None:
    completion = await ask(provider, endpoint, "no_usage")
    assert (completion.input_tokens, completion.output_tokens) == (14 // 4, 16 // 4)


async def test_an_estimated_answer_is_never_free(provider: LitellmProvider, endpoint: Endpoint) -> None:
    assert (await ask(provider, endpoint, "no_usage")).cost_usd > 0


async def test_tool_calls_come_back(provider: LitellmProvider, endpoint: Endpoint) -> None:
    completion = await ask(provider, endpoint, "tools", tools=[TOOL], tool_choice="auto")
    assert completion.message == {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}


async def test_a_tool_call_says_so_in_its_finish_reason(provider: LitellmProvider, endpoint: Endpoint) -> None:
    assert (await ask(provider, endpoint, "tools", tools=[TOOL])).finish_reason == "tool_calls"


async def test_a_refusal_field_is_kept(provider: LitellmProvider, endpoint: Endpoint) -> None:
    assert (await ask(provider, endpoint, "refusing")).message["refusal"] == "I will not."


@pytest.mark.parametrize(
    "params",
    [
        {"temperature": 0.3, "top_p": 0.9, "seed": 7, "stop": ["\n"], "max_tokens": 5},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}},
        {"logit_bias": {"1": 2}, "logprobs": True, "top_logprobs": 2, "presence_penalty": 0.1},
        {"max_completion_tokens": 9, "reasoning_effort": "low", "parallel_tool_calls": False, "tools": [TOOL]},
        {"min_p": 0.1, "guided_choice": ["a", "b"], "chat_template_kwargs": {"thinking": False}},
    ],
    ids="+".join,
)
async def test_parameters_reach_the_model(
    provider: LitellmProvider, endpoint: Endpoint, params: dict[str, Any]
) -> None:
    await ask(provider, endpoint, "fine", **params)
    assert {name: endpoint.bodies[0].get(name) for name in params} == params


async def test_images_reach_the_model(provider: LitellmProvider, endpoint: Endpoint) -> None:
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]
    request = ChatRequest(messages=({"role": "user", "content": parts},))
    await provider.complete(model("fine", endpoint.base), request, timeout_s=20)
    assert endpoint.bodies[0]["messages"] == [{"role": "user", "content": parts}]


@pytest.mark.parametrize("name", ["api_base", "base_url", "api_key", "fallbacks", "mock_response", "extra_headers"])
async def test_a_client_cannot_steer_litellm(provider: LitellmProvider, endpoint: Endpoint, name: str) -> None:
    completion = await ask(provider, endpoint, "fine", **{name: "http://elsewhere.invalid"})
    assert (completion.text, endpoint.keys) == ("Four, of course.", ["Bearer none"])


async def test_a_client_cannot_swap_the_model_in_the_body(provider: LitellmProvider, endpoint: Endpoint) -> None:
    await ask(provider, endpoint, "fine", extra_body={"model": "dear"}, stream=True)
    assert (endpoint.bodies[0]["model"], endpoint.bodies[0].get("stream")) == ("fine", None)


async def test_the_request_is_left_as_it_was(provider: LitellmProvider, endpoint: Endpoint) -> None:
    params = {"tools": [TOOL], "min_p": 0.1}
    request = ChatRequest(messages=QUESTION.messages, params=params)
    await provider.complete(model("fine", endpoint.base), request, timeout_s=20)
    assert request.params == {"tools": [TOOL], "min_p": 0.1}


async def test_the_key_comes_from_the_variable_named(provider: LitellmProvider, endpoint: Endpoint) -> None:
    await provider.complete(model("fine", endpoint.base, api_key_env="TEST_KEY"), QUESTION, timeout_s=20)
    assert endpoint.keys == ["Bearer sk-secret"]


async def test_an_own_endpoint_never_gets_a_providers_key(
    provider: LitellmProvider, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    await ask(provider, endpoint, "fine")
    assert endpoint.keys == ["Bearer none"]


async def test_a_variable_that_is_not_set_is_named(provider: LitellmProvider, endpoint: Endpoint) -> None:
    with pytest.raises(ProviderError, match="set the environment variable ABSENT_KEY"):
        await provider.complete(model("fine", endpoint.base, api_key_env="ABSENT_KEY"), QUESTION, timeout_s=20)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("limited", "rate_limit"),
        ("broken", "error"),
        ("overloaded", "error"),
        ("missing", "error"),
        ("denied", "error"),
        ("forbidden", "error"),
        ("policy", "refused"),
        ("filtered", "refused"),
        ("unsupported", "error"),
        ("malformed", "error"),
        ("html", "error"),
        ("list", "error"),
        ("no_choices", "error"),
    ],
)
async def test_each_failure_has_its_kind(provider: LitellmProvider, endpoint: Endpoint, name: str, kind: str) -> None:
    assert (await failure(provider, endpoint, name)).kind == kind


@pytest.mark.parametrize("name", ["limited", "broken", "overloaded", "malformed"])
async def test_a_failed_call_is_not_repeated(provider: LitellmProvider, endpoint: Endpoint, name: str) -> None:
    await failure(provider, endpoint, name)
    assert len(endpoint.bodies) == 1


async def test_a_failure_carries_its_status(provider: LitellmProvider, endpoint: Endpoint) -> None:
    assert (await failure(provider, endpoint, "limited")).status == 429


async def test_a_failure_names_the_model_and_says_what_the_provider_said(
    provider: LitellmProvider, endpoint: Endpoint
) -> None:
    said = str(await failure(provider, endpoint, "unsupported"))
    assert re.fullmatch(r"my-unsupported failed \(\w+Error\): Unknown parameter: 'colour'", said)


async def test_a_denied_call_says_which_variable_to_check(provider: LitellmProvider, endpoint: Endpoint) -> None:
    with pytest.raises(ProviderError, match="TEST_KEY"):
        await provider.complete(model("denied", endpoint.base, api_key_env="TEST_KEY"), QUESTION, timeout_s=20)


async def test_a_denied_call_without_a_variable_says_how_to_name_one(
    provider: LitellmProvider, endpoint: Endpoint
) -> None:
    assert "api_key_env" in str(await failure(provider, endpoint, "denied"))


async def test_a_key_that_a_provider_echoes_is_masked(provider: LitellmProvider, endpoint: Endpoint) -> None:
    with pytest.raises(ProviderError, match=r"\*\*\*") as caught:
        await provider.complete(model("echoing", endpoint.base, api_key_env="TEST_KEY"), QUESTION, timeout_s=20)
    assert "sk-secret" not in str(caught.value)


async def test_a_model_that_does_not_answer_in_time_is_a_timeout(provider: LitellmProvider, endpoint: Endpoint) -> None:
    with pytest.raises(ProviderError, match=r"within 0\.2 s") as caught:
        await provider.complete(model("slow", endpoint.base), QUESTION, timeout_s=0.2)
    assert caught.value.kind == "timeout"


async def test_a_timeout_leaves_the_next_call_unharmed(provider: LitellmProvider, endpoint: Endpoint) -> None:
    with pytest.raises(ProviderError):
        await provider.complete(model("slow", endpoint.base), QUESTION, timeout_s=0.2)
    assert (await ask(provider, endpoint, "fine")).text == "Four, of course."


async def test_a_dead_endpoint_is_an_error(provider: LitellmProvider, closed_port: int) -> None:
    with pytest.raises(ProviderError) as caught:
        await provider.complete(model("fine", f"http://127.0.0.1:{closed_port}/v1"), QUESTION, timeout_s=20)
    assert caught.value.kind == "error"
    assert str(caught.value) == "my-fine failed (InternalServerError): Connection error"


async def test_an_unknown_provider_is_an_error(provider: LitellmProvider) -> None:
    with pytest.raises(ProviderError, match="my-x failed"):
        await provider.complete(model("x", None, target="nobody/x"), QUESTION, timeout_s=20)


async def test_a_cancelled_call_is_cancelled(provider: LitellmProvider, endpoint: Endpoint) -> None:
    call = asyncio.create_task(ask(provider, endpoint, "slow"))
    async with asyncio.timeout(20):
        await endpoint.arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_calls_run_beside_each_other(provider: LitellmProvider, endpoint: Endpoint) -> None:
    waiting = asyncio.create_task(ask(provider, endpoint, "slow"))
    await ask(provider, endpoint, "fine")
    endpoint.release.set()
    assert (await waiting).model == "slow-2026"


async def test_the_provider_works_again_after_it_was_closed(provider: LitellmProvider, endpoint: Endpoint) -> None:
    await ask(provider, endpoint, "fine")
    await provider.aclose()
    assert (await ask(provider, endpoint, "fine")).text == "Four, of course."


async def test_closing_leaves_no_task_of_litellm_behind(provider: LitellmProvider, endpoint: Endpoint) -> None:
    before = asyncio.all_tasks()
    await ask(provider, endpoint, "fine")
    await provider.aclose()
    left = [str(task) for task in asyncio.all_tasks() - before if not task.done()]
    assert not [task for task in left if "litellm" in task.lower()]


async def test_vectors_come_back_in_the_order_of_the_texts(
    provider: LitellmProvider, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("OPENAI_API_BASE", endpoint.base)
    assert await provider.embed("openai/embedder", ["a", "bbb"]) == [[1.0, 1.0], [3.0, 1.0]]


async def test_a_missing_vector_is_a_failure(
    provider: LitellmProvider, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("OPENAI_API_BASE", endpoint.base)
    with pytest.raises(EmbeddingFailed, match="1 vectors for 2 texts"):
        await provider.embed("openai/lossy", ["a", "bbb"])


async def test_an_embedder_that_cannot_be_called_is_a_failure(provider: LitellmProvider) -> None:
    with pytest.raises(EmbeddingFailed, match="nobody/x"):
        await provider.embed("nobody/x", ["a"])
