"""Surface features: what each one sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit_router.context.conversation import read
from bandit_router.context.surface import features

PLAIN = "Tell me about the town"


def of(text: str, *, before: tuple[Mapping[str, Any], ...] = (), **params: Any) -> dict[str, float]:
    return features(read([*before, {"role": "user", "content": text}]), params)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("code_fence", "```\nx\n```"),
        ("code", "f(x) = {y[0]};"),
        ("digits", "12 or 13"),
        ("math", "a + b = c^2"),
        ("questions", "why?"),
        ("options", "Which? A. one B. two"),
        ("lines", "a\nb"),
        ("non_ascii", "naïve"),
        ("script_latin_extended", "Größe"),
        ("script_greek_cyrillic", "Привет"),
        ("script_semitic", "שלום مرحبا"),
        ("script_south_asian", "नमस्ते"),
        ("script_east_asian", "你好 こんにちは 안녕"),
    ],
)
def test_a_feature_of_the_text_is_zero_in_plain_words_and_rises_with_what_it_names(name: str, text: str) -> None:
    assert of(PLAIN)[name] == 0 < of(text)[name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("system", {"role": "system", "content": "x"}),
        ("system", {"role": "developer", "content": "x"}),
        ("tool_results", {"role": "tool", "content": "x"}),
        ("images", {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}),
    ],
)
def test_a_feature_of_the_conversation_rises_with_what_it_names(name: str, message: dict[str, Any]) -> None:
    assert of(PLAIN)[name] == 0 < of(PLAIN, before=(message,))[name]


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("tools", {"tools": [{"type": "function"}]}),
        ("json", {"response_format": {"type": "json_object"}}),
        ("json", {"response_format": {"type": "json_schema", "json_schema": {}}}),
    ],
)
def test_a_feature_of_the_parameters_is_one_when_asked_for(name: str, params: dict[str, Any]) -> None:
    assert (of(PLAIN)[name], of(PLAIN, **params)[name]) == (0, 1)


def test_plain_text_as_response_format_is_not_json() -> None:
    assert of(PLAIN, response_format={"type": "text"})["json"] == 0


def test_a_text_all_of_another_script_has_the_full_share() -> None:
    assert of("你好")["script_east_asian"] == of("你好")["non_ascii"] == 1


def test_turns_and_length_grow_with_the_conversation() -> None:
    longer = of(PLAIN, before=({"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}))
    assert longer["turns"] > of(PLAIN)["turns"]
    assert longer["length"] > of(PLAIN)["length"]


def test_the_last_share_is_the_last_messages_part_of_all_characters() -> None:
    assert of("abc", before=({"role": "user", "content": "x"},))["last_share"] == 0.75


@given(st.text(), st.text())
def test_every_feature_stays_between_zero_and_one_under_the_same_names(first: str, last: str) -> None:
    found = of(last, before=({"role": "system", "content": first},))
    assert list(found) == list(of(PLAIN))
    assert all(0 <= value <= 1 for value in found.values())
