"""The LLM judge: what it asks, what it makes of the replies, and what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from bandit_router.errors import ProviderError
from bandit_router.judge.llm import LlmJudge
from bandit_router.types import ChatRequest, Completion, Model, Verdict

GOOD = '{"reason": "right", "score": 0.8}'
REQUEST = ChatRequest(messages=({"role": "user", "content": "2 + 2?"},))
ANSWER = Completion(message={"content": "4"}, finish_reason="stop", input_tokens=1, output_tokens=1, cost_usd=0.0)
MODEL = Model(name="m", target="openai/m", tier=0, input_usd_per_token=1e-6, output_usd_per_token=1e-5)


@dataclass
class Scripted:
    """A provider that replies in turn, at 0.01 USD a reply; an exception is raised, None never comes."""

    replies: Sequence[str | ProviderError | None]
    asked: list[ChatRequest] = field(default_factory=list)

    async def complete(self, model: Model, request: ChatRequest, /, *, timeout_s: float) -> Completion:
        self.asked.append(request)
        reply = self.replies[len(self.asked) - 1]
        if reply is None:
            await asyncio.Event().wait()
        if isinstance(reply, ProviderError):
            raise reply
        return Completion(
            message={"content": reply}, finish_reason="stop", input_tokens=1, output_tokens=1, cost_usd=0.01
        )


async def graded(*replies: str | ProviderError | None, timeout_s: float = 20.0) -> Verdict:
    return await judge(Scripted(replies), timeout_s=timeout_s).grade(REQUEST, ANSWER)


def judge(provider: Scripted, *, model: Model = MODEL, timeout_s: float = 20.0) -> LlmJudge:
    return LlmJudge("critic", model, provider=provider, timeout_s=timeout_s, clock=lambda: 0.0)


async def test_a_good_reply_is_the_verdict() -> None:
    assert await graded(GOOD) == Verdict(judge="critic", score=0.8, reason="right", cost_usd=0.01)


async def test_a_malformed_reply_is_asked_for_once_more() -> None:
    assert (await graded("Looks right!", GOOD)).score == 0.8


async def test_both_calls_are_paid_for() -> None:
    assert (await graded("Looks right!", GOOD)).cost_usd == pytest.approx(0.02)


async def test_two_malformed_replies_never_become_a_number() -> None:
    verdict = await graded('{"score": "0.8"}', "0.8")
    assert (verdict.score, verdict.error) == (None, "malformed verdict, twice: it is not a JSON object")


async def test_two_malformed_replies_are_paid_for() -> None:
    assert (await graded("no", "no")).cost_usd == pytest.approx(0.02)


async def test_there_is_no_third_attempt() -> None:
    provider = Scripted(["no", "no", GOOD])
    await judge(provider).grade(REQUEST, ANSWER)
    assert len(provider.asked) == 2


async def test_the_second_attempt_says_what_was_wrong() -> None:
    provider = Scripted(["no", GOOD])
    await judge(provider).grade(REQUEST, ANSWER)
    assert "it is not one JSON object" in provider.asked[1].messages[0]["content"]


async def test_the_second_attempt_asks_about_the_same_answer() -> None:
    provider = Scripted(["no", GOOD])
    await judge(provider).grade(REQUEST, ANSWER)
    assert provider.asked[1].messages[1:] == provider.asked[0].messages[1:]


@pytest.mark.parametrize("kind", ["timeout", "rate_limit", "refused", "error"])
async def test_a_failed_call_is_an_error_of_its_kind(kind: str) -> None:
    verdict = await graded(ProviderError(kind, "m failed"))  # type: ignore[arg-type]
    assert (verdict.score, verdict.error) == (None, f"{kind}: m failed")


async def test_a_failed_second_call_still_counts_the_first() -> None:
    verdict = await graded("no", ProviderError("error", "m failed"))
    assert (verdict.error, verdict.cost_usd) == ("error: m failed", 0.01)


async def test_a_judge_that_does_not_reply_in_time_is_an_error() -> None:
    verdict = await graded(None, timeout_s=0.01)
    assert (verdict.score, verdict.error) == (None, "timeout: no verdict within 0.01 s")


async def test_a_timeout_in_the_second_attempt_still_counts_the_first() -> None:
    assert (await graded("no", None, timeout_s=0.01)).cost_usd == 0.01


async def test_a_cancelled_verdict_is_cancelled() -> None:
    verdict = asyncio.create_task(graded(None))
    await asyncio.sleep(0)
    verdict.cancel()
    with pytest.raises(asyncio.CancelledError):
        await verdict


async def test_it_asks_without_randomness_and_for_json() -> None:
    provider = Scripted([GOOD])
    await judge(provider).grade(REQUEST, ANSWER)
    assert provider.asked[0].params == {
        "temperature": 0,
        "max_tokens": 256,
        "response_format": {"type": "json_object"},
    }


async def test_a_model_without_json_mode_is_not_asked_for_it() -> None:
    provider = Scripted([GOOD])
    plain = Model(name="m", target="m", tier=0, input_usd_per_token=0, output_usd_per_token=0, json_schema=False)
    await judge(provider, model=plain).grade(REQUEST, ANSWER)
    assert "response_format" not in provider.asked[0].params


def test_a_verdict_is_expected_to_cost_what_800_and_60_tokens_do() -> None:
    assert judge(Scripted([])).cost_usd == pytest.approx(800 * 1e-6 + 60 * 1e-5)


async def test_the_expected_cost_moves_towards_the_real_one() -> None:
    critic = judge(Scripted([GOOD] * 200))
    for _ in range(200):
        await critic.grade(REQUEST, ANSWER)
    assert critic.cost_usd == pytest.approx(0.01, rel=0.01)


async def test_a_failed_verdict_leaves_the_expected_cost() -> None:
    critic = judge(Scripted([ProviderError("error", "m failed")]))
    before = critic.cost_usd
    await critic.grade(REQUEST, ANSWER)
    assert critic.cost_usd == before
