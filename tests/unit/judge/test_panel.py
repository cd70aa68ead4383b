"""The panel: who is asked, and what quality comes of it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit_router.errors import ConfigError
from bandit_router.judge.build import build_panel
from bandit_router.judge.combine import combine
from bandit_router.judge.panel import Panel
from bandit_router.judge.rules import RulesJudge
from bandit_router.settings import JudgeSettings
from bandit_router.types import ChatRequest, Completion, Model, Verdict

REQUEST = ChatRequest(messages=({"role": "user", "content": "Capital of Norway?"},))
MODEL = Model(name="m", target="m", tier=0, input_usd_per_token=1e-6, output_usd_per_token=1e-6)
SCORES = st.none() | st.floats(0, 1)


@dataclass
class Fixed:
    """A judge that says what it is told to."""

    name: str
    score: float | None
    cost_usd: float = 0.25
    asked: int = 0
    others: asyncio.Barrier | None = None

    async def grade(self, request: ChatRequest, completion: Completion, /) -> Verdict:
        self.asked += 1
        if self.others:
            await self.others.wait()
        error = None if self.score is not None else "timeout: too slow"
        return Verdict(judge=self.name, score=self.score, cost_usd=self.cost_usd, error=error)


class Silent:
    """A provider that is never called."""

    async def complete(self, model: Model, request: ChatRequest, /, *, timeout_s: float) -> Completion:
        raise AssertionError("not to be called")


def answer(text: str) -> Completion:
    return Completion(message={"content": text}, finish_reason="stop", input_tokens=1, output_tokens=1, cost_usd=0.0)


def verdict(score: float | None) -> Verdict:
    return Verdict(judge="j", score=score)


@pytest.mark.parametrize(
    ("rules", "graded", "quality"),
    [
        ([1.0], [], 1.0),
        ([0.2], [], 0.2),
        ([1.0], [(0.6, 1.0)], 0.6),
        ([1.0], [(0.6, 3.0), (0.2, 1.0)], 0.5),
        ([0.2], [(0.9, 1.0)], 0.2),
        ([0.2], [(0.1, 1.0)], 0.1),
        ([1.0], [(0.6, 1.0), (None, 9.0)], 0.6),
        ([1.0], [(None, 1.0)], None),
        ([0.2], [(None, 1.0)], 0.2),
        ([], [(0.6, 1.0)], 0.6),
        ([], [(None, 1.0)], None),
        ([], [], None),
    ],
)
def test_verdicts_combine(rules: list[float], graded: list[tuple[float | None, float]], quality: float | None) -> None:
    found = combine([verdict(score) for score in rules], [(verdict(score), weight) for score, weight in graded])
    assert found == (None if quality is None else pytest.approx(quality))


@given(st.lists(SCORES), st.lists(st.tuples(SCORES, st.floats(0.001, 1000))))
def test_the_quality_is_a_probability_or_unknown(
    rules: list[float | None], graded: list[tuple[float | None, float]]
) -> None:
    quality = combine([verdict(score) for score in rules], [(verdict(score), weight) for score, weight in graded])
    assert quality is None or 0 <= quality <= 1


async def test_judges_run_beside_each_other() -> None:
    barrier = asyncio.Barrier(2)
    panel = Panel([(Fixed("a", 0.4, others=barrier), 1.0), (Fixed("b", 0.6, others=barrier), 1.0)])
    async with asyncio.timeout(20):
        assert (await panel.judge(REQUEST, answer("Oslo"))).quality == pytest.approx(0.5)


async def test_a_failed_judge_is_left_out_of_the_quality() -> None:
    panel = Panel([(RulesJudge(), 1.0), (Fixed("a", 0.4), 1.0), (Fixed("b", None), 5.0)])
    assert (await panel.judge(REQUEST, answer("Oslo"))).quality == pytest.approx(0.4)


async def test_a_failed_judge_is_kept_among_the_verdicts() -> None:
    panel = Panel([(RulesJudge(), 1.0), (Fixed("b", None), 1.0)])
    assert [v.error for v in (await panel.judge(REQUEST, answer("Oslo"))).verdicts] == [None, "timeout: too slow"]


async def test_a_failed_judge_is_logged_without_what_its_provider_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await Panel([(Fixed("b", None), 1.0)]).judge(REQUEST, answer("Oslo"))
    assert caplog.messages == ["judge b gave no verdict and is left out: timeout"]


async def test_paid_judges_are_not_asked_about_an_unusable_answer() -> None:
    paid = Fixed("a", 0.9)
    judgement = await Panel([(paid, 1.0), (RulesJudge(), 1.0)]).judge(REQUEST, answer(""))
    assert (paid.asked, judgement.quality, judgement.cost_usd) == (0, 0.0, 0.0)


async def test_paid_judges_are_asked_about_an_answer_with_a_softer_fault() -> None:
    paid = Fixed("a", 0.9)
    judgement = await Panel([(RulesJudge(), 1.0), (paid, 1.0)]).judge(REQUEST, answer("I can't help with that."))
    assert (paid.asked, judgement.quality) == (1, 0.1)


async def test_a_judgement_costs_what_its_judges_cost() -> None:
    panel = Panel([(RulesJudge(), 1.0), (Fixed("a", 0.4), 1.0), (Fixed("b", None), 1.0)])
    assert (await panel.judge(REQUEST, answer("Oslo"))).cost_usd == 0.5


def test_the_expected_cost_is_that_of_every_judge() -> None:
    assert Panel([(RulesJudge(), 1.0), (Fixed("a", 0.4), 1.0), (Fixed("b", 0.1), 1.0)]).expected_cost_usd == 0.5


def test_rules_alone_are_expected_to_be_free() -> None:
    assert build_panel([JudgeSettings(kind="rules")], provider=Silent(), models={}).expected_cost_usd == 0.0


def test_a_panel_is_built_from_its_settings() -> None:
    settings = [JudgeSettings(kind="rules"), JudgeSettings(kind="llm", name="critic", target="m")]
    panel = build_panel(settings, provider=Silent(), models={"critic": MODEL})
    assert panel.expected_cost_usd == pytest.approx(860e-6)


def test_a_judge_without_a_model_is_refused_by_name() -> None:
    settings = [JudgeSettings(kind="llm", name="critic", target="m")]
    with pytest.raises(ConfigError, match="'critic' has no model"):
        build_panel(settings, provider=Silent(), models={})
