"""Conversations: which text is answered, which surrounds it."""

from __future__ import annotations

from bandit_router.context.conversation import excerpt, read

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}


def test_the_last_user_message_is_the_focus_and_all_else_the_rest() -> None:
    conversation = read(
        [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
        ]
    )
    assert (conversation.focus, conversation.rest) == ("three", "be brief\none\ntwo")


def test_in_a_tool_loop_the_question_stays_the_focus() -> None:
    conversation = read(
        [
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "weather"}}]},
            {"role": "tool", "tool_call_id": "1", "content": "rain"},
        ]
    )
    assert (conversation.focus, conversation.rest, conversation.tool_results) == ("weather?", "rain", True)


def test_the_texts_of_parts_are_joined_and_images_counted() -> None:
    parts = [{"type": "text", "text": "what"}, IMAGE, {"type": "text", "text": "is it"}, IMAGE]
    conversation = read([{"role": "user", "content": parts}])
    assert (conversation.focus, conversation.images) == ("what\nis it", 2)


def test_an_image_without_words_leaves_the_earlier_question_in_focus() -> None:
    assert read([{"role": "user", "content": "see this"}, {"role": "user", "content": [IMAGE]}]).focus == "see this"


def test_without_a_user_message_the_last_text_is_the_focus() -> None:
    assert read([{"role": "system", "content": "hello"}, {"role": "assistant"}]).focus == "hello"


def test_content_that_is_no_text_counts_as_empty() -> None:
    conversation = read(
        [{"role": "user", "content": 7}, {"role": "user", "content": ["x", {"type": "text", "text": 3}]}]
    )
    assert (conversation.focus, conversation.chars) == ("", 0)


def test_no_messages_make_an_empty_conversation() -> None:
    assert read([]).text == ""


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    assert excerpt("a" * 5000 + "z" * 5000) == "a" * 1000 + "\n" + "z" * 1000


def test_lengths_are_those_before_cutting() -> None:
    conversation = read([{"role": "user", "content": "x" * 9000}, {"role": "user", "content": "y" * 1000}])
    assert (conversation.chars, conversation.focus_chars) == (10000, 1000)


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert excerpt("a\ud800b").encode() == b"a?b"


def test_the_rest_weighs_more_beside_a_short_message() -> None:
    def share(last: str) -> float:
        return read([{"role": "user", "content": "first"}, {"role": "user", "content": last}]).rest_share

    assert 0.5 > share("ok") > share("ok" * 70) > share("ok" * 200) == 0.2


def test_a_single_message_has_no_rest_to_weigh() -> None:
    assert read([{"role": "user", "content": "ok"}]).rest_share == 0
