"""What holds for every judge: a score in [0, 1], an error or a reason for silence, whatever the answer looks like."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bandit_router.errors import ProviderError
from bandit_router.judge.consistency import ConsistencyJudge
from bandit_router.judge.llm import LlmJudge
from bandit_router.judge.logprob import LogprobJudge
from bandit_router.judge.pairwise import PairwiseJudge
from bandit_router.judge.panel import Panel, Seat
from bandit_router.judge.relevance import RelevanceJudge
from bandit_router.judge.rules import RulesJudge
from bandit_router.protocols import Judge
from bandit_router.types import Case, ChatRequest, Completion, Model, Reply
from tests.unit.judge.cases import Letters, examiner

MODEL = Model(name="m", target="m", tier=0, input_usd_per_token=1e-6, output_usd_per_token=1e-6)


@dataclass
class Replying:
    """A provider with one reply to everything; None fails."""

    reply: str | None

    async def complete(self, model: Model, request: ChatRequest, /, *, timeout_s: float) -> Completion:
        if self.reply is None:
            raise ProviderError("error", "m failed")
        assert all(message["content"].encode() for message in request.messages)
        assert json.loads(request.messages[1]["content"])["nonce"] == "n0nce"
        message = {"role": "assistant", "content": self.reply}
        return Completion(message=message, finish_reason="stop", input_tokens=9, output_tokens=9, cost_usd=1e-5)


def llm(reply: str | None) -> LlmJudge:
    return LlmJudge(examiner(Replying(reply), MODEL), criteria={})


def pairwise(reply: str | None) -> PairwiseJudge:
    return PairwiseJudge(examiner(Replying(reply), MODEL), criteria={})


def still() -> float:
    return 0.0


JUDGES: dict[str, Callable[[], Judge]] = {
    "rules": lambda: RulesJudge(clock=still),
    "llm": lambda: llm('{"nonce": "n0nce", "reason": "fine", "score": 0.7}'),
    "llm_malformed": lambda: llm("it is fine"),
    "llm_failing": lambda: llm(None),
    "pairwise": lambda: pairwise('{"nonce": "n0nce", "reason": "better", "better": 1}'),
    "pairwise_malformed": lambda: pairwise('{"nonce": "n0nce", "better": 0.7}'),
    "pairwise_failing": lambda: pairwise(None),
    "consistency": lambda: ConsistencyJudge("consistency", embedder=Letters(), clock=still),
    "consistency_failing": lambda: ConsistencyJudge("consistency", embedder=Letters(fails=True), clock=still),
    "relevance": lambda: RelevanceJudge("relevance", embedder=Letters(), clock=still),
    "relevance_failing": lambda: RelevanceJudge("relevance", embedder=Letters(fails=True), clock=still),
    "logprob": lambda: LogprobJudge("logprob"),
}

CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
TEXTS = {
    "plain": "Oslo.",
    "empty": "",
    "null": "\x00",
    "surrogate": "a\ud800b",
    "unicode": "שלום 🦊 \u202e\u2028 ﷽ e\u0301",
    "brackets": "[" * 50_000,
    "deep_python": "```python\n" + "(" * 5_000 + "\n```",
    "huge": "word " * 400_000,
    "huge_line_count": "a\n" * 200_000,
    "spaces": "I" + " " * 100_000 + "x",
    "fences": "```\n" * 10_001,
    "long_number": "```json\n" + "9" * 10_000 + "\n```",
    "backslashes": "\\" * 10_001,
}
MESSAGES: dict[str, dict[str, Any]] = {
    **{name: {"content": text} for name, text in TEXTS.items()},
    "no_fields": {},
    "none": {"content": None},
    "call_only": {"content": None, "tool_calls": [CALL]},
    "call_and_text": {"content": "Let me see.", "tool_calls": [CALL, CALL]},
    "call_of_another_kind": {"content": None, "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "f"}}]},
    "broken_call": {"content": None, "tool_calls": [{"id": "1", "type": "function", "function": None}, None, 4]},
    "call_without_name": {"content": None, "tool_calls": [{"function": {"arguments": None}}]},
    "call_with_object": {"content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
    "calls_not_a_list": {"content": None, "tool_calls": "f"},
    "old_call": {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
    "parts": {"content": [{"type": "text", "text": "Oslo"}, {"type": "image_url"}, None, 4, ["x"], "y"]},
    "no_parts": {"content": []},
    "number": {"content": 4},
    "mapping": {"content": {"text": "Oslo"}},
    "refusal": {"content": None, "refusal": "No."},
    "audio": {"content": None, "audio": {"id": "x"}},
}
REQUESTS = {
    "plain": ChatRequest(messages=({"role": "user", "content": "Capital of Norway?"},)),
    "no_messages": ChatRequest(messages=()),
    "odd_messages": ChatRequest(messages=({}, {"role": "user"}, {"role": "tool", "content": [None]})),
    "json": ChatRequest(
        messages=({"role": "user", "content": "x"},), params={"response_format": {"type": "json_object"}}
    ),
    "schema": ChatRequest(
        messages=({"role": "user", "content": "x"},),
        params={"response_format": {"type": "json_schema", "json_schema": {"schema": {"$ref": "#"}}}},
    ),
    "odd_params": ChatRequest(
        messages=({"role": "user", "content": "x"},),
        params={"response_format": "json", "tools": [None, {}, {"function": 4}], "functions": 4, "max_tokens": "x"},
    ),
}


def answer(message: dict[str, Any], **more: Any) -> Reply:
    whole = {"role": "assistant", **message}
    given: dict[str, Any] = {"finish_reason": "stop", "input_tokens": 1, "output_tokens": 1, "cost_usd": 0.0}
    return Reply(model=MODEL, completion=Completion(message=whole, **(given | more)))


EARLIER: dict[str, tuple[Reply, ...]] = {
    "none": (),
    "one": (answer({"content": "The answer is Oslo."}),),
    "odd": (answer({"content": None}), answer(MESSAGES["broken_call"]), answer(MESSAGES["huge"])),
}


def case(asked: str = "plain", given: str = "plain", earlier: str = "none", **more: Any) -> Case:
    return Case(request=REQUESTS[asked], answer=answer(MESSAGES[given], **more), earlier=EARLIER[earlier])


@pytest.fixture(params=list(JUDGES))
def judge(request: pytest.FixtureRequest) -> Judge:
    return JUDGES[request.param]()


@pytest.mark.parametrize("asked", list(REQUESTS))
@pytest.mark.parametrize("given", list(MESSAGES))
async def test_a_judge_gives_a_score_or_an_error_or_abstains(judge: Judge, asked: str, given: str) -> None:
    verdict = await judge.grade(case(asked, given), timeout_s=20.0)
    if verdict.score is None:
        assert bool(verdict.error) != bool(verdict.skipped and verdict.reason)
    else:
        assert (0 <= verdict.score <= 1, verdict.error, verdict.skipped) == (True, None, None)


@pytest.mark.parametrize("earlier", list(EARLIER))
@pytest.mark.parametrize("given", ["plain", "huge", "surrogate", "empty", "call_only", "number", "fences"])
async def test_the_same_answer_gets_the_same_verdict(judge: Judge, given: str, earlier: str) -> None:
    first, again = [await judge.grade(case("plain", given, earlier), timeout_s=20.0) for _ in range(2)]
    assert first == again
    assert first.score is None or 0 <= first.score <= 1


@pytest.mark.parametrize("finish", ["stop", "length", "content_filter", "tool_calls", ""])
async def test_a_judge_takes_any_finish_reason(judge: Judge, finish: str) -> None:
    verdict = await judge.grade(case(finish_reason=finish), timeout_s=20.0)
    assert verdict.error or verdict.skipped or verdict.score is not None


async def test_a_verdict_carries_its_judges_name(judge: Judge) -> None:
    assert (await judge.grade(case(), timeout_s=20.0)).judge == judge.name


async def test_a_verdict_costs_nothing_or_more(judge: Judge) -> None:
    assert (await judge.grade(case(), timeout_s=20.0)).cost_usd >= 0


def test_a_judge_expects_a_finite_price(judge: Judge) -> None:
    assert 0 <= judge.cost_usd < 1


@pytest.mark.parametrize("earlier", list(EARLIER))
@pytest.mark.parametrize("given", list(MESSAGES))
async def test_a_panel_of_all_judges_judges_anything(given: str, earlier: str) -> None:
    panel = Panel([Seat(judge=make()) for make in JUDGES.values()], chance=lambda _share: True)
    quality = (await panel.judge(case("plain", given, earlier), left_s=20.0)).quality
    assert quality is not None
    assert 0 <= quality <= 1
