"""The rules: what each catches, and what it must leave alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bandit_router.judge.rules import RULES, RulesJudge, first_failure
from bandit_router.types import ChatRequest, Completion
from tests.unit.judge.cases import case

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
PERSON = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}


def failed(text: str | None, *, question: str = "What is the capital of Norway?", **more: Any) -> str | None:
    """Return the name of the rule that an answer fails; `calls`, `finish` and request parameters come by name."""
    message = {"role": "assistant", "content": text, **more.pop("message", {})}
    if "calls" in more:
        message["tool_calls"] = [
            {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}
            for name, arguments in more.pop("calls")
        ]
    finish = more.pop("finish", "stop")
    completion = Completion(message=message, finish_reason=finish, input_tokens=1, output_tokens=1, cost_usd=0.0)
    found = first_failure(ChatRequest(messages=({"role": "user", "content": question},), params=more), completion)
    return found[1].partition(":")[0] if found else None


def fenced(code: str, language: str = "python") -> str:
    return f"Here you are:\n\n```{language}\n{code}\n```\n\nDone."


def test_a_plain_answer_passes() -> None:
    assert failed("Oslo.") is None


@pytest.mark.parametrize("text", [None, "", "  \n\t "])
def test_an_answer_without_text_or_call_is_empty(text: str | None) -> None:
    assert failed(text) == "empty"


def test_a_tool_call_without_text_is_not_empty() -> None:
    assert failed(None, calls=[("weather", '{"city": "Oslo"}')], tools=[WEATHER]) is None


def test_spoken_audio_is_not_empty() -> None:
    assert failed(None, message={"audio": {"id": "a", "data": "AA"}}) is None


def test_text_in_parts_is_not_empty() -> None:
    assert failed(None, message={"content": [{"type": "text", "text": "Oslo."}]}) is None


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, I can’t assist with that request.",
        "I cannot fulfill this request.",
        "Sorry, but I won't provide instructions for that.",
        "As an AI language model, I am not able to provide personal opinions.",
        "Unfortunately, I am unable to comply with this request.",
        "I must decline.",
        "I must respectfully decline to answer that.",
        "I do not feel comfortable discussing this topic.",
        "I apologize, but I cannot create that content.",
        "We are not able to generate such images.",
        "I can't do that.",
        "I'm sorry, but I can't.",
        "This request violates our content policy.",
        "Lo siento, pero no puedo ayudar con eso.",
        "Je suis désolé, mais je ne peux pas vous aider.",
        "Es tut mir leid, aber ich kann dabei nicht helfen.",
        "抱歉，我无法提供这方面的帮助。",
    ],
)
def test_a_refusal_is_seen(text: str) -> None:
    assert failed(text) == "refusal"


@pytest.mark.parametrize(
    "text",
    [
        "Sorry for the confusion. The capital is Oslo.",
        "I can help with that: it is Oslo.",
        "You cannot divide by zero, so the limit does not exist.",
        "I can't believe how cold Oslo gets, but yes, it is the capital.",
        "The refusal of the parliament led to Oslo becoming the capital.",
        "As an AI researcher would put it: Oslo.",
        "Unfortunately, the treaty failed.",
    ],
)
def test_words_that_only_resemble_a_refusal_pass(text: str) -> None:
    assert failed(text) is None


@pytest.mark.parametrize(
    "question",
    [
        "Write a polite refusal to a party invitation.",
        "How do I decline a meeting? Give one sentence.",
        "Translate to English: Lo siento, no puedo ayudarte.",
        "Quote the error message the bot showed.",
    ],
)
def test_a_refusal_that_was_asked_for_passes(question: str) -> None:
    assert failed("I'm sorry, but I can't help you.", question=question) is None


def test_a_long_answer_that_opens_like_a_refusal_passes() -> None:
    body = " ".join(f"Step {n} is that the court decides." for n in range(20))
    assert failed(f"I cannot give legal advice, but here is how it works. {body}") is None


def test_the_refusal_field_is_a_refusal() -> None:
    assert failed(None, message={"refusal": "No."}) == "refusal"


def test_an_answer_made_to_stall_the_search_for_refusals_passes() -> None:
    assert failed("as an ai " * 19 + "says so") is None


def test_an_answer_of_endless_blanks_does_not_stall_the_search_for_fences() -> None:
    assert failed('{"a": 1}\n' + " " * 400_000 + "x") is None


def test_an_answer_at_its_token_limit_is_cut_off() -> None:
    assert failed("The capital of Norway is", finish="length") == "cut_off"


def test_a_cut_that_the_client_asked_for_passes() -> None:
    assert failed("Yes", finish="length", max_tokens=1) is None


def test_a_filtered_answer_is_cut_off() -> None:
    assert failed("The way to", finish="content_filter") == "cut_off"


def test_an_open_code_fence_is_cut_off() -> None:
    assert failed("Run this:\n```python\nprint(1)") == "cut_off"


def test_a_fence_cut_by_a_stop_sequence_passes() -> None:
    assert failed("```python\nprint(1)\n", stop=["```"]) is None


def test_nested_fences_that_are_all_closed_pass() -> None:
    assert failed("````markdown\n```sh\nls\n```\n````") is None


@pytest.mark.parametrize("text", ["{", '{"a": NaN}', "Sure! {}", '```json\n{"a": 1}\n```', "[" * 100_000])
def test_asked_for_json_that_does_not_parse_fails(text: str) -> None:
    assert failed(text, response_format={"type": "json_object"}) == "json_unparsable"


def test_asked_for_object_that_is_a_list_fails() -> None:
    assert failed("[1]", response_format={"type": "json_object"}) == "json_unparsable"


def test_asked_for_json_that_parses_passes() -> None:
    assert failed(' {"a": 1}\n', response_format={"type": "json_object"}) is None


def test_a_tool_call_instead_of_asked_for_json_passes() -> None:
    call = ("weather", '{"city": "Oslo"}')
    assert failed(None, calls=[call], tools=[WEATHER], response_format={"type": "json_object"}) is None


@pytest.mark.parametrize(("text", "rule"), [('{"age": 4}', None), ('{"age": "4"}', "json_schema_mismatch")])
def test_asked_for_json_is_held_against_its_schema(text: str, rule: str | None) -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
    assert failed(text, response_format=shape) == rule


@pytest.mark.parametrize("code", ["def f(:\n  pass", "x = = 1", "print 'hello'", "a\0b"])
def test_python_that_does_not_parse_fails(code: str) -> None:
    assert failed(fenced(code)) == "code_unparsable"


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    return 1",
        "    indented = 1\n    more = 2",
        ">>> 1 + 1\n2",
        "%matplotlib inline\nimport numpy",
        "!pip install numpy",
        'f"{names["first"]}"',
        "import re\nre.match('\\d', '1')",
        "class Shape:",
        "",
    ],
)
def test_python_that_may_be_meant_so_passes(code: str) -> None:
    assert failed(fenced(code)) is None


@pytest.mark.parametrize("code", ['{"a": 1,}', "{'a': 1}", '{"a": "http://b"'])
def test_fenced_json_that_does_not_parse_fails(code: str) -> None:
    assert failed(fenced(code, "json")) == "code_unparsable"


@pytest.mark.parametrize("code", ['{"a": 1}', '{"a": 1, ...}', '{"a": 1} // one', '{"a": 1}\n{"a": 2}'])
def test_fenced_json_outlines_and_lines_pass(code: str) -> None:
    assert failed(fenced(code, "json")) is None


def test_broken_code_quoted_from_the_question_passes() -> None:
    assert failed(fenced("print 'x'"), question="Why does this fail?\nprint 'x'") is None


def test_other_languages_are_not_parsed() -> None:
    assert failed(fenced("let x = ;", "javascript")) is None


def test_one_line_over_and_over_is_degenerate() -> None:
    assert failed("The capital is Oslo.\n" * 12) == "degenerate"


def test_an_endless_loop_at_the_end_is_degenerate() -> None:
    assert failed("The capital is " + "Oslo and " * 40) == "degenerate"


@pytest.mark.parametrize("text", ["1" + "0" * 100, "| --- |\n" * 12, "A, B, C, " * 5, "}\n" * 12])
def test_repetition_that_has_a_point_passes(text: str) -> None:
    assert failed(text) is None


def test_repetition_that_was_asked_for_passes() -> None:
    assert failed("I will be good.\n" * 20, question="Write 'I will be good.' 20 times.") is None


@pytest.mark.parametrize("arguments", ['{"city": ', "Oslo", "[1]", "NaN"])
def test_tool_arguments_that_are_no_object_fail(arguments: str) -> None:
    assert failed(None, calls=[("weather", arguments)], tools=[WEATHER]) == "tool_arguments_unparsable"


@pytest.mark.parametrize(
    "call", [("weather", '{"city": 4}'), ("weather", "{}"), ("weather", ""), ("rain", '{"city": "Oslo"}')]
)
def test_tool_calls_that_do_not_fit_the_tools_fail(call: tuple[str, str]) -> None:
    assert failed(None, calls=[call], tools=[WEATHER]) == "tool_call_mismatch"


def test_a_function_call_of_the_old_kind_is_checked() -> None:
    message = {"function_call": {"name": "weather", "arguments": '{"city": 4}'}}
    assert failed(None, message=message, functions=[WEATHER["function"]]) == "tool_call_mismatch"


def test_every_tool_call_is_checked() -> None:
    calls = [("weather", '{"city": "Oslo"}'), ("weather", "{")]
    assert failed(None, calls=calls, tools=[WEATHER]) == "tool_arguments_unparsable"


def test_the_rules_stand_worst_first() -> None:
    assert [rule.score for rule in RULES] == sorted(rule.score for rule in RULES)


def test_every_rule_scores_at_most_a_fifth() -> None:
    assert max(rule.score for rule in RULES) <= 0.2


def test_a_reason_does_not_quote_the_answer() -> None:
    message = {"role": "assistant", "content": json.dumps({"age": "secret"})}
    completion = Completion(message=message, finish_reason="stop", input_tokens=1, output_tokens=1, cost_usd=0.0)
    shape = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
    found = first_failure(ChatRequest(messages=(), params={"response_format": shape}), completion)
    assert found == (0.1, "json_schema_mismatch: type at age")


async def test_a_verdict_takes_its_time_from_the_clock() -> None:
    ticks = iter([1.0, 1.5])
    verdict = await RulesJudge(clock=lambda: next(ticks)).grade(case("Oslo."), timeout_s=1.0)
    assert (verdict.score, verdict.latency_s) == (1.0, 0.5)
