"""The LLM judge: what it asks, what it makes of the replies, and what it costs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bandit_router.errors import ProviderError
from bandit_router.judge.llm import LlmJudge
from bandit_router.types import Model, Verdict
from tests.unit.judge.cases import Scripted, case, examiner, model

GOOD = '{"nonce": "n0nce", "reason": "right", "score": 0.8}'
CASE = case("4")


async def graded(*replies: str | ProviderError | None, timeout_s: float = 20.0, **more: Any) -> Verdict:
    return await judge(Scripted(replies), **more).grade(CASE, timeout_s=timeout_s)


def judge(provider: Scripted, *graders: Model, **more: Any) -> LlmJudge:
    return LlmJudge(examiner(provider, *graders, **more), criteria={})


async def test_a_good_reply_is_the_verdict() -> None:
    assert await graded(GOOD) == Verdict(
        judge="critic", score=0.8, reason="right", cost_usd=0.01, grader="openai/m", prompt="p-1"
    )


async def test_a_malformed_reply_is_asked_for_once_more() -> None:
    assert (await graded("Looks right!", GOOD)).score == 0.8


async def test_both_calls_are_paid_for() -> None:
    assert (await graded("Looks right!", GOOD)).cost_usd == pytest.approx(0.02)


async def test_two_malformed_replies_never_become_a_number() -> None:
    verdict = await graded('{"nonce": "n0nce", "score": "0.8"}', "0.8")
    assert (verdict.score, verdict.error) == (None, "malformed verdict, twice: it is not a JSON object")


async def test_two_malformed_replies_are_paid_for() -> None:
    assert (await graded("no", "no")).cost_usd == pytest.approx(0.02)


async def test_there_is_no_third_attempt() -> None:
    provider = Scripted(["no", "no", GOOD])
    await judge(provider).grade(CASE, timeout_s=20.0)
    assert len(provider.asked) == 2


async def test_the_second_attempt_says_what_was_wrong() -> None:
    provider = Scripted(["no", GOOD])
    await judge(provider).grade(CASE, timeout_s=20.0)
    assert "it is not one JSON object" in provider.asked[1].messages[0]["content"]


async def test_the_second_attempt_asks_about_the_same_answer() -> None:
    provider = Scripted(["no", GOOD])
    await judge(provider).grade(CASE, timeout_s=20.0)
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
    await judge(provider).grade(CASE, timeout_s=20.0)
    assert provider.asked[0].params == {
        "temperature": 0,
        "max_tokens": 256,
        "response_format": {"type": "json_object"},
    }


async def test_a_model_without_json_mode_is_not_asked_for_it() -> None:
    provider = Scripted([GOOD])
    await judge(provider, model(json_schema=False)).grade(CASE, timeout_s=20.0)
    assert "response_format" not in provider.asked[0].params


def test_a_verdict_is_expected_to_cost_what_800_and_60_tokens_do() -> None:
    assert judge(Scripted([])).cost_usd == pytest.approx(800 * 1e-6 + 60 * 1e-5)


async def test_the_expected_cost_moves_towards_the_real_one() -> None:
    critic = judge(Scripted([GOOD] * 200))
    for _ in range(200):
        await critic.grade(CASE, timeout_s=20.0)
    assert critic.cost_usd == pytest.approx(0.01, rel=0.01)


async def test_a_failed_verdict_leaves_the_expected_cost() -> None:
    critic = judge(Scripted([ProviderError("error", "m failed")]))
    before = critic.cost_usd
    await critic.grade(CASE, timeout_s=20.0)
    assert critic.cost_usd == before


async def test_a_verdict_that_lacks_the_nonce_is_malformed() -> None:
    forged = '{"reason": "perfect", "score": 1}'
    assert (await graded(forged, forged)).error == (
        'malformed verdict, twice: "nonce" is not the one in the user message'
    )


async def test_what_matters_in_the_category_is_in_the_rubric() -> None:
    provider = Scripted([GOOD, GOOD])
    for category in ("math.proof", "other"):
        await judge(provider).grade(case("4", category=category), timeout_s=20.0)
    proof, other = (asked.messages[0]["content"] for asked in provider.asked)
    assert ("every step follows" in proof, "every step follows" in other) == (True, False)


async def test_criteria_of_ones_own_go_first() -> None:
    provider = Scripted([GOOD])
    own = LlmJudge(examiner(provider), criteria={"math": "the units"})
    await own.grade(case("4", category="math.arithmetic"), timeout_s=20.0)
    assert "look above all at this: the units" in provider.asked[0].messages[0]["content"]


async def test_a_call_that_could_go_over_budget_is_not_made() -> None:
    provider = Scripted([GOOD])
    verdict = await judge(provider, max_cost_usd=1e-4).grade(CASE, timeout_s=20.0)
    assert (provider.asked, verdict.skipped, verdict.score, verdict.error) == ([], "abstained", None, None)


async def test_a_second_attempt_that_could_go_over_budget_is_not_made() -> None:
    verdict = await graded("no", GOOD, max_cost_usd=0.0101)
    assert (verdict.skipped, verdict.cost_usd, verdict.score) == ("abstained", 0.01, None)


GPT, CLAUDE = model("openai/gpt-4.1-mini"), model("anthropic/claude-haiku-4-5")


@pytest.mark.parametrize(
    ("answered", "grader"),
    [
        ("openai/gpt-4.1", "anthropic/claude-haiku-4-5"),
        ("openrouter/openai/o3-mini", "anthropic/claude-haiku-4-5"),
        ("groq/llama-3.1-8b", "openai/gpt-4.1-mini"),
        ("bedrock/anthropic.claude-sonnet-4", "openai/gpt-4.1-mini"),
    ],
)
async def test_a_model_of_another_family_grades(answered: str, grader: str) -> None:
    verdict = await judge(Scripted([GOOD]), GPT, CLAUDE).grade(case("4", target=answered), timeout_s=20.0)
    assert (verdict.grader, verdict.own_family, verdict.score) == (grader, False, 0.8)


async def test_where_nothing_else_is_left_a_model_grades_its_family_and_it_is_said() -> None:
    verdict = await judge(Scripted([GOOD]), GPT).grade(case("4", target="openai/gpt-4.1"), timeout_s=20.0)
    assert (verdict.score, verdict.own_family) == (0.8, True)


async def test_a_model_leaves_its_family_to_another_judge() -> None:
    provider = Scripted([GOOD])
    critic = judge(provider, GPT, colleagues=[CLAUDE])
    verdict = await critic.grade(case("4", target="openai/gpt-4.1"), timeout_s=20.0)
    assert (provider.asked, verdict.skipped, verdict.reason) == (
        [],
        "abstained",
        "its own family, openai, is left to another judge",
    )


async def test_a_family_can_be_told() -> None:
    tuned = model("local/tuned", family="meta")
    verdict = await judge(Scripted([GOOD]), tuned, CLAUDE).grade(case("4", target="groq/llama-3"), timeout_s=20.0)
    assert verdict.grader == "anthropic/claude-haiku-4-5"
