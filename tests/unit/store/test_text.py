"""What may be stored of what users and models wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit_router.store import text


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("mail ann.b+c@mail.example.org, please", "mail [email], please"),
        ("call (555) 123-4567 or +44 20 7946 0958.", "call [number] or [number]."),
        ("card 4111 1111 1111 1111, account 12345678", "card [number], account [number]"),
        ("use sk-abcDEF1234567890abcd", "use [key]"),
        ("AKIAIOSFODNN7EXAMPLE and ghp_16C7e42F292c6912E7710c838347", "[key] and [key]"),
        ("0123456789abcdef0123456789abcdef", "[key]"),
        ("Authorization: Bearer abcdefghijklmnopqrst", "Authorization: Bearer [key]"),
        ("password: hunter22", "password: [key]"),
        ("from 192.168.0.1 and fe80::1.", "from [ip] and [ip]."),
        ("see https://ann:pw@example.org/a?token=1#x end", "see https://[credentials]@example.org/a?[query] end"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- end", "[key] end"),
        ("data:image/png;base64,iVBORw0KGgo= end", "[data] end"),
    ],
)
def test_what_identifies_or_unlocks_is_masked(written: str, kept: str) -> None:
    assert text.redact(written) == kept


@pytest.mark.parametrize(
    "harmless",
    [
        "In 2024 there were 100000 of them, 3.14159265 each, on 2024-01-15",
        "at 12:30:45, std::vector<int> x; a[1:2]",
        "see https://example.org/docs/page.html",
        "src/module/test_that_it_works_2_times_over.py",
        "the tokens are fine and so is a password manager",
        "",
    ],
)
def test_what_harms_nobody_is_left_alone(harmless: str) -> None:
    assert text.redact(harmless) == harmless


@pytest.mark.parametrize("unit", ["a-", "://", "a@", "a@b.", "1-", "data:", "a:", "token", "bearer ", "(1", "://a@"])
def test_a_long_text_made_to_be_slow_is_masked_all_the_same(unit: str) -> None:
    assert text.redact(unit * 50_000 + " ann@example.org").endswith("[email]")


def test_a_conversation_stays_json_with_the_same_shape() -> None:
    written = [{"role": "user", "content": [{"type": "text", "text": 'I am "ann@example.org"'}], "n": 4111111111111111}]
    kept = text.conversation(written, "redacted")
    expected = [{"role": "user", "content": [{"type": "text", "text": 'I am "[email]"'}], "n": "[number]"}]
    assert json.loads(kept or "") == expected


def test_a_conversation_nested_too_deeply_to_walk_is_masked_as_text() -> None:
    nested: Any = "ann@example.org"
    for _ in range(700):
        nested = [nested]
    kept = text.conversation([{"content": nested}], "redacted")
    assert kept == json.dumps([{"content": nested}]).replace("ann@example.org", "[email]")


def test_all_of_a_conversation_is_kept_where_it_may_be() -> None:
    assert text.conversation([{"content": "\x00 é \ud800"}], "full") == '[{"content": "\\u0000 é ?"}]'


def test_nothing_is_stored_of_no_conversation() -> None:
    assert text.conversation((), "full") is None


def test_nothing_is_kept_where_no_text_may_be() -> None:
    said = {"content": "x"}
    kept = (text.conversation([said], "none"), text.answer(said, "none"), text.reason("it says x", "none"))
    assert kept == (None, None, "")


@pytest.mark.parametrize("level", ["redacted", "full"])
def test_what_holds_nothing_to_mask_is_stored_whole(level: text.LogText) -> None:
    value = [{"role": "user", "content": "What is 7 times 8, \u00e9?"}, {"max_tokens": 20}]
    assert text.is_whole(value, text.kept(value, level))


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("write to ann@example.org", "redacted"),
        ({"seed": 12345678}, "redacted"),
        ("half a pair: \ud800", "full"),
        ("hello", "none"),
    ],
)
def test_what_is_masked_or_replaced_is_not_whole(value: Any, level: text.LogText) -> None:
    assert not text.is_whole(value, text.kept(value, level))


@pytest.mark.parametrize("stored", ["[" * 100_000, "[key]"])
def test_what_cannot_be_read_any_more_is_not_whole(stored: str) -> None:
    assert not text.is_whole(["hello"], stored)


def test_an_error_is_cut_short_and_masked() -> None:
    assert text.error("ann@example.org " + "x " * 1000, "redacted") == ("[email] " + "x " * 1000)[:300]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("small:8b failed (BadRequestError): bad input: my diary", "small:8b failed (BadRequestError)"),
        ("error: critic failed (BadRequestError): my diary", "error"),
        ("timeout: no verdict within 20 s", "timeout"),
        ("small gave no answer within 2 s", "small gave no answer within 2 s"),
        (None, None),
    ],
)
def test_of_an_error_only_the_kind_is_kept_where_no_text_may_be(said: str | None, kept: str | None) -> None:
    assert text.error(said, "none") == kept


def test_an_error_is_kept_whole_where_all_text_may_be() -> None:
    assert text.error("ann@example.org " + "x" * 1000, "full") == "ann@example.org " + "x" * 1000


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_cleaned_text_fits_any_database(written: str) -> None:
    cleaned = text.clean(written)
    assert "\x00" not in cleaned
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned


@given(st.text())
def test_masking_never_fails(written: str) -> None:
    assert isinstance(text.redact(written), str)
