"""The two judges that need no second answer and no model: likeness to the question, and the model's own sureness."""

from __future__ import annotations

import math

import pytest

from bandit_router.judge.family import family_of
from bandit_router.judge.logprob import LogprobJudge
from bandit_router.judge.relevance import RelevanceJudge
from bandit_router.types import Case, Verdict
from tests.unit.judge.cases import Letters, case, model, reply


async def relevance(text: str | None, question: str, *, fails: bool = False) -> Verdict:
    judge = RelevanceJudge("r", embedder=Letters(fails=fails), cost_usd=0.5, clock=lambda: 0.0)
    return await judge.grade(case(text, question=question), timeout_s=20.0)


@pytest.mark.parametrize(("text", "score"), [("abc", 1.0), ("xyz", 0.0), ("abcxyz", math.sqrt(0.5))])
async def test_relevance_is_the_likeness_of_answer_and_question(text: str, score: float) -> None:
    assert (await relevance(text, "abc")).score == pytest.approx(score)


async def test_a_likeness_that_was_measured_is_paid_for() -> None:
    assert (await relevance("abc", "abc")).cost_usd == 0.5


async def test_a_sentence_that_has_nothing_to_do_with_the_question_takes_nothing_away() -> None:
    assert (await relevance("abc.\n" + "xyz " * 99, "abc")).score == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize(("text", "question"), [(None, "abc"), ("", "abc"), ("abc", " ")])
async def test_without_text_relevance_abstains(text: str | None, question: str) -> None:
    verdict = await relevance(text, question)
    assert (verdict.score, verdict.skipped, verdict.cost_usd) == (None, "abstained", 0.0)


async def test_without_an_embedding_relevance_is_an_error() -> None:
    assert (await relevance("abc", "abc", fails=True)).error == "embedding: the host said: no"


async def sureness(mean: float | None) -> Verdict:
    question = case().request
    return await LogprobJudge("l").grade(Case(request=question, answer=reply("4", mean_logprob=mean)), timeout_s=1.0)


@pytest.mark.parametrize(("mean", "score"), [(0.0, 1.0), (math.log(0.5), 0.5), (-1000.0, 0.0)])
async def test_sureness_is_the_geometric_mean_of_the_tokens_probabilities(mean: float, score: float) -> None:
    assert (await sureness(mean)).score == pytest.approx(score)


async def test_a_model_that_gives_no_log_probabilities_gets_no_verdict() -> None:
    verdict = await sureness(None)
    assert (verdict.score, verdict.error, verdict.skipped) == (None, None, "abstained")


@pytest.mark.parametrize(
    ("target", "family"),
    [
        ("openai/gpt-4.1", "openai"),
        ("azure/o3-mini", "openai"),
        ("openrouter/openai/gpt-oss-120b", "openai"),
        ("bedrock/us.anthropic.claude-sonnet-4-5", "anthropic"),
        ("groq/llama-3.1-8b-instant", "meta"),
        ("together_ai/meta-llama/Llama-3-8b", "meta"),
        ("mistral/codestral-latest", "mistral"),
        ("openrouter/mistralai/mixtral-8x7b", "mistral"),
        ("gemini/gemini-2.5-pro", "google"),
        ("ollama/gemma3", "google"),
        ("fireworks_ai/accounts/fireworks/models/qwen3-8b", "qwen"),
        ("deepseek/deepseek-chat", "deepseek"),
        ("openai/judge", "judge"),
        ("hosted_vllm/house-7b", "house"),
        ("x/123", "123"),
    ],
)
def test_a_family_is_read_from_the_models_name_not_from_its_host(target: str, family: str) -> None:
    assert family_of(model(target)) == family


def test_a_family_that_is_told_goes_first() -> None:
    assert family_of(model("openai/ft-house", family="openai")) == "openai"
