"""The pairwise judge: both orders, and what becomes of them."""

from __future__ import annotations

import json

import pytest

from bandit_router.errors import ProviderError
from bandit_router.judge.pairwise import PairwiseJudge, best
from bandit_router.types import Model, Verdict
from tests.unit.judge.cases import Scripted, case, examiner, model, reply

OLD = reply("5", target="local/old", quality=0.4)


def prefers(better: int) -> str:
    return json.dumps({"nonce": "n0nce", "reason": f"{better}", "better": better})


def judge(provider: Scripted, *graders: Model, max_cost_usd: float | None = None) -> PairwiseJudge:
    return PairwiseJudge(examiner(provider, *graders, max_cost_usd=max_cost_usd), criteria={})


async def compared(*replies: str | ProviderError | None, timeout_s: float = 20.0) -> Verdict:
    return await judge(Scripted(replies)).grade(case("4", OLD), timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("new_first", "new_second", "score"),
    [(1, 2, 1.0), (2, 1, 0.0), (1, 1, 0.5), (2, 2, 0.5), (0, 0, 0.5), (1, 0, 0.75), (0, 1, 0.25), (2, 0, 0.25)],
)
async def test_the_score_is_the_mean_of_both_orders(new_first: int, new_second: int, score: float) -> None:
    assert (await compared(prefers(new_first), prefers(new_second))).score == score


@pytest.mark.parametrize("place", [1, 2])
async def test_a_grader_that_always_likes_one_place_says_nothing(place: int) -> None:
    verdict = await compared(prefers(place), prefers(place))
    assert (verdict.score, verdict.reason) == (0.5, "the orders disagree")


async def test_each_answer_is_shown_in_each_place() -> None:
    provider = Scripted([prefers(1), prefers(2)])
    await judge(provider).grade(case("4", OLD), timeout_s=20.0)
    shown = [json.loads(asked.messages[1]["content"]) for asked in provider.asked]
    assert [(each["answer_1"], each["answer_2"]) for each in shown] == [("4", "5"), ("5", "4")]


async def test_without_a_second_answer_nothing_is_asked() -> None:
    provider = Scripted([])
    verdict = await judge(provider).grade(case("4"), timeout_s=20.0)
    assert (provider.asked, verdict.skipped, verdict.reason, verdict.cost_usd) == (
        [],
        "abstained",
        "no second answer at hand",
        0.0,
    )


def test_the_rival_is_the_best_judged_and_the_later_of_equals() -> None:
    replies = [reply(str(place), quality=quality) for place, quality in enumerate((0.2, 0.6, None, 0.6, 0.1))]
    assert best(tuple(replies)) is replies[3]


async def test_both_orders_are_paid_for() -> None:
    assert (await compared(prefers(1), prefers(2))).cost_usd == pytest.approx(0.02)


async def test_one_order_alone_is_no_verdict() -> None:
    verdict = await compared(prefers(1), ProviderError("error", "m failed"))
    assert (verdict.score, verdict.error, verdict.cost_usd) == (None, "error: m failed", 0.01)


async def test_a_malformed_order_is_no_verdict() -> None:
    verdict = await compared(prefers(1), "first", "first")
    assert (verdict.score, (verdict.error or "").partition(":")[0]) == (None, "malformed verdict, twice")


async def test_an_order_that_hangs_is_a_timeout_and_the_other_is_paid() -> None:
    verdict = await compared(prefers(1), None, timeout_s=0.01)
    assert (verdict.score, verdict.error, verdict.cost_usd) == (None, "timeout: no verdict within 0.01 s", 0.01)


async def test_what_could_go_over_budget_is_asked_in_neither_order() -> None:
    provider = Scripted([prefers(1), prefers(2)])
    verdict = await judge(provider, max_cost_usd=0.004).grade(case("4", OLD), timeout_s=20.0)
    assert (provider.asked, verdict.skipped) == ([], "abstained")


async def test_the_grader_is_of_neither_answers_family() -> None:
    graders = [model("openai/gpt-4.1"), model("anthropic/claude-x"), model("gemini/gemini-x")]
    rival = reply("5", target="openai/gpt-5", quality=0.4)
    provider = Scripted([prefers(1), prefers(2)])
    await judge(provider, *graders).grade(case("4", rival, target="bedrock/claude-y"), timeout_s=20.0)
    assert provider.graders == ["gemini/gemini-x"] * 2


@pytest.mark.parametrize(("first", "second"), [(1, 2), (1, 1), (0, 2)])
async def test_what_was_preferred_in_each_order_is_part_of_the_verdict(first: int, second: int) -> None:
    replies = [f'{{"nonce": "n0nce", "better": {better}}}' for better in (first, second)]
    judge = PairwiseJudge(examiner(Scripted(replies)), criteria={})
    verdict = await judge.grade(case("4", reply("5")), timeout_s=20.0)
    assert verdict.preferred == (first, second)
