"""How far a text covers another: what is added to it takes nothing away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit_router.judge.likeness import coverage
from tests.unit.judge.cases import Letters

TEXTS = st.text(st.sampled_from("abcxyz. \n"), min_size=1, max_size=40)


async def test_a_text_covers_another_by_its_best_sentence_for_each() -> None:
    assert await coverage("abc. xyz.", ["abc", "xyz.\nabc", "mno"], embedder=Letters()) == pytest.approx([1, 1, 0])


async def test_half_of_it_is_covered() -> None:
    assert await coverage("abc.", ["abc. xyz."], embedder=Letters()) == pytest.approx([0.5])


@given(TEXTS, TEXTS, TEXTS)
async def test_no_sentence_added_takes_anything_away(text: str, other: str, added: str) -> None:
    [before], [after] = [await coverage(t, [other], embedder=Letters()) for t in (text, f"{text}\n\n{added}")]
    assert after >= before - 1e-6


async def test_texts_without_letters_are_compared_as_nothing() -> None:
    assert await coverage("42", ["17", "abc"], embedder=Letters()) == [0.0, 0.0]
