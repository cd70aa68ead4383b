"""The fleet's judge: the noise it was asked for, drawn the same way every time."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from bandit_router.errors import ConfigError
from bandit_router.judge.prompt import parse_preference, parse_verdict, render
from bandit_router.types import ChatRequest, Completion
from simulate.fleet.judge import JUDGE, JudgeModel, shown_score
from simulate.fleet.models import Answers
from simulate.fleet.options import FleetOptions
from simulate.fleet.protocol import Chat, WireError
from simulate.outcomes import Arm, Row, Table


def half_right(rows: int) -> Table:
    """One model whose answers are right on every second prompt."""
    made = (
        Row(id=str(i), category="c", prompt=f"prompt {i}", arms={"m": Arm(score=float(i % 2), cost_usd=1e-5)})
        for i in range(rows)
    )
    return Table(rows=tuple(made), models=("m",))


class Bench:
    """A judge over a table, asked row by row."""

    def __init__(self, table: Table, **options: Any) -> None:
        self._answers = Answers(table)
        self._judge = JudgeModel(self._answers, FleetOptions(**options))
        self._table = table

    def ask(self, content: str, *, seed: int | None = None) -> str:
        chat = Chat(model=JUDGE, prompt=content, text=content, stream=False, include_usage=False, seed=seed)
        return self._judge.reply(chat).text

    def answer(self, row: Row) -> str:
        chat = Chat(model="m", prompt=row.prompt, text=row.prompt, stream=False, include_usage=False, seed=None)
        return self._answers.reply(chat, speaker="m").text

    def verdict(self, row: Row, *, seed: int | None = None) -> str:
        return self.ask(json.dumps({"question": row.prompt, "answer": self.answer(row)}), seed=seed)

    def scores(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([json.loads(self.verdict(row))["score"] for row in self._table.rows])


def auc(shown: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """P(a right answer, at an odd place, is shown higher than a wrong one)."""
    right, wrong = shown[1::2, None], shown[None, 0::2]
    return float((right > wrong).mean() + 0.5 * (right == wrong).mean())


@pytest.mark.parametrize("asked", [0.5, 0.7, 0.85, 0.95])
def test_the_judges_auc_is_the_one_asked_for(asked: float) -> None:
    assert auc(Bench(half_right(3000), judge_auc=asked).scores()) == pytest.approx(asked, abs=0.02)


def test_gaussian_noise_has_the_spread_asked_for() -> None:
    made = (
        Row(id=str(i), category="c", prompt=f"p {i}", arms={"m": Arm(score=0.5, cost_usd=1.0)}) for i in range(2000)
    )
    shown = Bench(Table(rows=tuple(made), models=("m",)), judge_noise=0.08).scores()
    assert (shown.mean(), shown.std()) == (pytest.approx(0.5, abs=0.01), pytest.approx(0.08, abs=0.005))


def test_without_noise_the_true_score_is_shown() -> None:
    table = half_right(10)
    assert Bench(table, judge_noise=0).scores().tolist() == [row.arms["m"].score for row in table.rows]


def test_unless_told_otherwise_the_judge_errs_by_a_tenth() -> None:
    assert shown_score(0.5, 1.0, FleetOptions()) == pytest.approx(0.6)


@pytest.mark.parametrize("options", [FleetOptions(judge_noise=0.9), FleetOptions(judge_auc=0.9)])
def test_what_is_shown_stays_between_0_and_1(options: FleetOptions) -> None:
    assert all(0 <= shown_score(score, noise, options) <= 1 for score in (0, 1) for noise in (-6, 0, 6))


def test_what_is_shown_rises_with_the_true_score() -> None:
    shown = [shown_score(score / 10, 0.3, FleetOptions(judge_auc=0.8)) for score in range(11)]
    assert all(low < high for low, high in pairwise(shown))


def test_judging_an_answer_again_gives_the_same_verdict() -> None:
    bench, row = Bench(half_right(2), judge_auc=0.8), half_right(2).rows[0]
    assert bench.verdict(row) == bench.verdict(row)


def test_another_seed_in_the_request_is_another_draw() -> None:
    bench, row = Bench(half_right(2), judge_auc=0.8), half_right(2).rows[0]
    assert bench.verdict(row, seed=1) != bench.verdict(row, seed=2)


def test_another_seed_of_the_fleet_is_another_draw() -> None:
    table = half_right(20)
    first, second = (Bench(table, judge_auc=0.8, seed=seed).scores().tolist() for seed in (1, 2))
    assert first != second


def test_the_routers_own_judge_prompt_is_understood() -> None:
    table = half_right(2)
    bench, prompt = Bench(table, judge_noise=0), table.rows[1].prompt
    request = ChatRequest(messages=({"role": "system", "content": "Be brief."}, {"role": "user", "content": prompt}))
    completion = Completion(
        message={"role": "assistant", "content": bench.answer(table.rows[1])},
        finish_reason="stop",
        input_tokens=1,
        output_tokens=1,
        cost_usd=0.0,
    )
    assert parse_verdict(bench.ask(render(request, completion, nonce="n0nce")[-1]["content"]), "n0nce")[0] == 1.0


def test_of_two_answers_the_better_one_is_named_in_either_place() -> None:
    table = half_right(2)
    bench = Bench(table, judge_noise=0)
    wrong, right = (bench.answer(row) for row in table.rows)
    orders = [{"answer_1": wrong, "answer_2": right}, {"answer_1": right, "answer_2": wrong}]
    replies = [bench.ask(json.dumps({"nonce": "n", "question": "prompt", **order})) for order in orders]
    assert [parse_preference(reply, "n")[0] for reply in replies] == [2, 1]


def test_an_answer_of_unknown_origin_is_graded_in_the_middle() -> None:
    verdict = Bench(half_right(2)).ask('{"question": "prompt 1", "answer": "made up"}')
    assert json.loads(verdict)["score"] == 0.5


@pytest.mark.parametrize(
    "content", ["grade this", "[1]", '{"question": "q"}', '{"question": "q", "answer": 3}', '{"answer_1": "a"}']
)
def test_a_prompt_without_an_answer_to_grade_is_refused(content: str) -> None:
    with pytest.raises(WireError) as caught:
        Bench(half_right(2)).ask(content)
    assert caught.value.status == 400


def is_verdict(text: str) -> bool:
    try:
        parse_verdict(text, "")
    except ValueError:
        return False
    return True


def test_the_share_of_malformed_verdicts_is_the_one_asked_for() -> None:
    table = half_right(1000)
    bench = Bench(table, judge_malformed=0.3)
    good = [is_verdict(bench.verdict(row)) for row in table.rows]
    assert 1 - sum(good) / len(good) == pytest.approx(0.3, abs=0.04)


def test_auc_and_noise_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="exclude each other"):
        FleetOptions(judge_auc=0.8, judge_noise=0.1)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("judge_auc", 1.0),
        ("judge_auc", 0.4),
        ("judge_noise", -1.0),
        ("judge_malformed", 1.1),
        ("error_rate", -0.1),
        ("rate_limit_rate", 2.0),
        ("timeout_rate", float("nan")),
        ("latency_ms", float("inf")),
    ],
)
def test_an_option_out_of_range_is_named(option: str, value: float) -> None:
    with pytest.raises(ConfigError, match=option.replace("_", "-")):
        FleetOptions(**{option: value})  # type: ignore[arg-type]
