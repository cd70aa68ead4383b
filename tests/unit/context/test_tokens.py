"""Token ids: those of the tokenizer itself, whatever is remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import wordllama
from hypothesis import given
from hypothesis import strategies as st

from bandit_router.context.tokens import Tokens


class Counting:
    """A tokenizer that keeps what it was asked to encode."""

    def __init__(self, inner: Any) -> None:
        self._inner, self.asked = inner, list[str]()

    def encode(self, text: str, **options: Any) -> Any:
        self.asked.append(text)
        return self._inner.encode(text, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    home = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=home, disable_download=True).tokenizer


@pytest.fixture(scope="module")
def shared(tokenizer: Any) -> Tokens:
    return Tokens(tokenizer)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a ",
        "  two  spaces   and  more",
        "def f(x):\n        return x\n\n\tpass",
        "a \u2581 mark and\u2581another",
        "no\u00a0break",
        "你好 世界 😀",
        "a <s> b</s> and<unk>",
    ],
)
def test_the_ids_are_those_of_the_tokenizer_at_first_and_again(shared: Tokens, tokenizer: Any, text: str) -> None:
    assert shared.ids(text) == shared.ids(text) == tokenizer.encode(text, add_special_tokens=False).ids


@given(st.lists(st.sampled_from(["a", "the", "word", " ", "  ", "\n", "\u2581", "<s>", "é", "12", "(x)"])).map("".join))
def test_any_mix_of_words_and_spaces_has_the_ids_of_the_tokenizer(shared: Tokens, tokenizer: Any, text: str) -> None:
    assert shared.ids(text) == tokenizer.encode(text, add_special_tokens=False).ids


def test_only_words_that_are_new_are_encoded(tokenizer: Any) -> None:
    counting = Counting(tokenizer)
    tokens = Tokens(counting)
    for text in ("a cat sat", "sat a dog on a cat", "a cat"):
        tokens.ids(text)
    assert counting.asked == ["a cat sat", "dog on"]


def test_what_would_be_too_much_to_remember_makes_room_first(tokenizer: Any) -> None:
    counting = Counting(tokenizer)
    tokens = Tokens(counting, capacity_chars=10)
    for text in ("cat dog", "cow", "cat"):
        tokens.ids(text)
    assert counting.asked == ["cat dog", "cow", "cat"]
