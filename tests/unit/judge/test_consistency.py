"""Agreement of the answers at hand: final answers where both state one, else likeness."""

from __future__ import annotations

from typing import Any

import pytest

from bandit_router.judge.consistency import ConsistencyJudge
from bandit_router.judge.final import final_answer
from bandit_router.types import Verdict
from tests.unit.judge.cases import Letters, case, reply


async def graded(mine: Any, *earlier: Any, category: str = "other", fails: bool = False) -> Verdict:
    judge = ConsistencyJudge("c", embedder=Letters(fails=fails), cost_usd=0.5, clock=lambda: 0.0)
    return await judge.grade(case(mine, *map(reply, earlier), category=category), timeout_s=20.0)


@pytest.mark.parametrize(
    ("text", "final"),
    [
        ("We add them.\n\nAnswer: 42", "42"),
        ("**Answer:** 42.", "42"),
        ("The final answer is 1,234.50.", "1234.5"),
        ("So the answer is **B**.", "b"),
        ("Answer: (C) because it fits", "c"),
        ("Hence $x = \\boxed{\\frac{1}{2}}$.", "\\frac12"),
        ("\\boxed{3} is wrong, so \\boxed{ 4 }", "4"),
        ("#### 72", "72"),
        ("Answer: -3", "-3"),
        ("Answer: \u22123", "-3"),
        ("Answer: $18.00", "18"),
        ("Answer: 12 apples", "12"),
        ("Answer: 1/2", "1/2"),
        ("Answer: Paris.", "paris"),
        ("D", "d"),
        ("(d)", "d"),
        ("7", "7"),
        ('{"city": "Oslo"}', {"city": "Oslo"}),
        ('Here:\n```json\n{"city": "Oslo"}\n```', {"city": "Oslo"}),
        ("The capital of Norway is Oslo.", None),
        ("A cat sat down.", None),
        ("", None),
        ("\\boxed{unclosed", None),
        ("There were 3 of them, then 4.", None),
        ("Answer: " + "long " * 100, None),
    ],
)
def test_a_final_answer_is_found_and_spelt_one_way(text: str, final: Any) -> None:
    assert final_answer(text) == final


def test_where_a_number_is_asked_for_the_last_one_counts() -> None:
    assert final_answer("3 and 4 make 7.", numeric=True) == "7"


@pytest.mark.parametrize(
    ("mine", "other", "score"),
    [
        ("Answer: 42", "I think so.\nThe answer is 42.0", 1.0),
        ("Answer: 42", "Answer: 43", 0.0),
        ("Answer: B", "(b)", 1.0),
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 5}', 0.5),
        ("Answer: 42", '{"a": 42}', 0.0),
        ("Oslo", "Oslo", 1.0),
        ("abc", "xyz", 0.0),
    ],
)
async def test_two_answers_agree(mine: str, other: str, score: float) -> None:
    assert (await graded(mine, other)).score == pytest.approx(score)


async def test_the_score_is_the_mean_over_the_earlier_answers() -> None:
    assert (await graded("Answer: 1", "Answer: 1", "Answer: 2", "Answer: 1", "Answer: 3")).score == 0.5


async def test_a_category_of_mathematics_asks_for_numbers() -> None:
    assert (await graded("It is 3 + 4 = 7", "7 in all", category="math.arithmetic")).score == 1.0


async def test_without_an_earlier_answer_it_abstains() -> None:
    verdict = await graded("Answer: 1")
    assert (verdict.score, verdict.skipped, verdict.cost_usd) == (None, "abstained", 0.0)


async def test_only_what_is_embedded_is_paid_for() -> None:
    assert [(await graded("Answer: 1", other)).cost_usd for other in ("Answer: 2", "who knows")] == [0.0, 0.5]


async def test_no_embedding_is_an_error_and_no_score() -> None:
    verdict = await graded("perhaps", "who knows", fails=True)
    assert (verdict.score, verdict.error) == (None, "embedding: the host said: no")


def call(arguments: str) -> dict[str, Any]:
    return {"tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}]}


@pytest.mark.parametrize(("other", "score"), [('{"a":1}', 1.0), ('{"a": 2}', 0.0)])
async def test_tool_calls_agree_by_name_and_arguments(other: str, score: float) -> None:
    judge = ConsistencyJudge("c", embedder=Letters(fails=True))
    mine = case(None, reply(None, message=call(other)))
    answered = reply(None, message=call('{"a": 1}'))
    changed = type(mine)(request=mine.request, answer=answered, earlier=mine.earlier)
    assert (await judge.grade(changed, timeout_s=20.0)).score == score
