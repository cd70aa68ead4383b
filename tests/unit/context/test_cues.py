"""Cues: words, phrases and patterns, and how they are counted."""

from __future__ import annotations

import pytest

from bandit_router.context.cues import CueIndex


@pytest.mark.parametrize(
    ("cue", "text", "hits"),
    [
        ("court", "The COURT rules.", 1),
        ("court", "a courtyard", 0),
        ("civil war", "the civil\nwar, in short", 1),
        ("civil war", "war and civil", 0),
        ("civil war", "«CIVIL\u00a0war»", 1),
        ("court", "the tennis_court", 0),
        ("tl;dr", "TL;DR please", 1),
        ("how do you say", "so how do you say that", 1),
        ("你好", "你好, 世界", 1),
        (r"/^\d+%/", "17% of it", 1),
        (r"/^\d+%/", "it is 17%", 0),
        ("/SELECT /", "select a seat", 0),
    ],
)
def test_a_cue_is_found_where_it_stands_and_nowhere_else(cue: str, text: str, hits: int) -> None:
    assert CueIndex.compile([[cue]]).count(text).tolist() == [hits]


def test_a_cue_counts_once_however_often_it_stands_there() -> None:
    assert CueIndex.compile([["cat"]]).count("cat cat cat").tolist() == [1]


def test_different_cues_of_a_category_add_up() -> None:
    assert CueIndex.compile([["cat", "dog", "/x{2}/"], ["cow"]]).count("cat dog xx").tolist() == [3, 0]


def test_a_cue_of_two_categories_counts_half_for_each() -> None:
    assert CueIndex.compile([["cat"], ["cat"]]).count("cat").tolist() == [0.5, 0.5]


def test_an_empty_text_holds_no_cue() -> None:
    assert CueIndex.compile([["cat"]]).count("").tolist() == [0]
