"""The panel: who is asked, and what quality comes of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit_router.errors import ConfigError, ProviderError
from bandit_router.judge.build import Tools, build_panel
from bandit_router.judge.combine import combine
from bandit_router.judge.panel import HAND_IN_S, Panel, Seat, hand_in_s
from bandit_router.judge.rules import RulesJudge
from bandit_router.protocols import Judge, Provider
from bandit_router.settings import GraderSettings, JudgeSettings
from bandit_router.types import Case, ChatRequest, Completion, Judgement, Model, Verdict
from tests.unit.judge.cases import Letters, Scripted, case, model

SCORES = st.none() | st.floats(0, 1)


@dataclass
class Fixed:
    """A judge that says what it is told to."""

    name: str
    score: float | None
    cost_usd: float = 0.25
    asked: int = 0
    others: asyncio.Barrier | None = None
    times: list[float] = field(default_factory=list)

    async def grade(self, case: Case, /, *, timeout_s: float) -> Verdict:
        self.asked += 1
        self.times.append(timeout_s)
        if self.others:
            await self.others.wait()
        error = None if self.score is not None else "timeout: too slow"
        return Verdict(judge=self.name, score=self.score, cost_usd=self.cost_usd, error=error)


@dataclass
class Hanging:
    """A judge that neither answers nor minds its time; it notes when it is told to stop."""

    name: str = "hanging"
    cost_usd: float = 0.0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def grade(self, case: Case, /, *, timeout_s: float) -> Verdict:
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped.set()
        raise AssertionError("it never gets here")


class Silent:
    """A provider that is never called."""

    async def complete(self, model: Model, request: ChatRequest, /, *, timeout_s: float) -> Completion:
        raise AssertionError("not to be called")


def panel_of(*judges: Judge | tuple[Judge, float], share: float = 1.0, lucky: bool = True) -> Panel:
    seats = [judge if isinstance(judge, tuple) else (judge, 1.0) for judge in judges]
    return Panel(
        [Seat(judge=judge, weight=weight, share=share) for judge, weight in seats], chance=lambda _share: lucky
    )


async def judged(panel: Panel, text: str = "Oslo", *, left_s: float = 20.0) -> Judgement:
    return await panel.judge(case(text), left_s=left_s)


def built(settings: Sequence[JudgeSettings], provider: Provider | None = None, **models: Sequence[Model]) -> Panel:
    tools = Tools(provider=provider or Silent(), embedder=Letters(), models=models, chance=lambda _share: True)
    return build_panel(settings, tools)


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
    panel = panel_of(Fixed("a", 0.4, others=barrier), Fixed("b", 0.6, others=barrier))
    async with asyncio.timeout(20):
        assert (await judged(panel)).quality == pytest.approx(0.5)


async def test_a_failed_judge_is_left_out_of_the_quality() -> None:
    panel = panel_of(RulesJudge(), Fixed("a", 0.4), (Fixed("b", None), 5.0))
    assert (await judged(panel)).quality == pytest.approx(0.4)


async def test_a_failed_judge_is_kept_among_the_verdicts() -> None:
    verdicts = (await judged(panel_of(RulesJudge(), Fixed("b", None)))).verdicts
    assert [v.error for v in verdicts] == [None, "timeout: too slow"]


async def test_a_failed_judge_is_logged_without_what_its_provider_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await judged(panel_of(Fixed("b", None)))
    assert caplog.messages == ["judge b gave no verdict and is left out: timeout"]


async def test_paid_judges_are_not_asked_about_an_unusable_answer() -> None:
    paid = Fixed("a", 0.9)
    judgement = await judged(panel_of(paid, RulesJudge()), "")
    assert (paid.asked, judgement.quality, judgement.cost_usd) == (0, 0.0, 0.0)


async def test_paid_judges_are_asked_about_an_answer_with_a_softer_fault() -> None:
    paid = Fixed("a", 0.9)
    judgement = await judged(panel_of(RulesJudge(), paid), "I can't help with that.")
    assert (paid.asked, judgement.quality) == (1, 0.1)


async def test_a_judgement_costs_what_its_judges_cost() -> None:
    assert (await judged(panel_of(RulesJudge(), Fixed("a", 0.4), Fixed("b", None)))).cost_usd == 0.5


async def test_a_judge_that_hangs_does_not_hold_up_the_panel() -> None:
    hanging = Hanging()
    judgement = await judged(panel_of(hanging, Fixed("a", 0.4)), left_s=2 * HAND_IN_S[0])
    assert judgement.quality == pytest.approx(0.4)
    assert [v.error for v in judgement.verdicts] == ["timeout: the request's deadline came first", None]
    await hanging.stopped.wait()


async def test_past_the_deadline_only_the_rules_are_asked() -> None:
    paid = Fixed("a", 0.9)
    judgement = await judged(panel_of(RulesJudge(), paid), "I can't help with that.", left_s=0.0)
    assert (paid.asked, judgement.quality) == (0, 0.1)


async def test_a_judge_gets_its_own_time_or_what_is_left_less_that_to_hand_in() -> None:
    judge = Fixed("a", 0.9)
    for left_s in (100.0, 5.0):
        await judged(panel_of(judge), left_s=left_s)
    assert judge.times == [20.0, 5.0 - hand_in_s(5.0)]


async def test_a_cancelled_panel_cancels_its_judges() -> None:
    hanging = Hanging()
    judging = asyncio.create_task(judged(panel_of(hanging)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    judging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await judging
    await hanging.stopped.wait()


async def test_a_judge_whose_share_leaves_an_answer_out_was_not_asked() -> None:
    judge = Fixed("a", 0.9)
    [verdict] = (await judged(panel_of(judge, share=0.25, lucky=False))).verdicts
    assert (judge.asked, verdict.score, verdict.skipped, verdict.reason) == (
        0,
        None,
        "not_asked",
        "by its share of 0.25",
    )


async def test_a_quality_that_nobody_was_asked_for_is_unknown() -> None:
    assert (await judged(panel_of(Fixed("a", 0.9), RulesJudge(), share=0.25, lucky=False))).quality is None


async def test_a_judge_is_asked_with_the_probability_of_its_share() -> None:
    shares: list[float] = []
    judges = [Seat(judge=Fixed("a", 0.9), share=0.25), Seat(judge=Fixed("b", 0.9))]
    panel = Panel(judges, chance=lambda share: bool(shares.append(share)) or True)
    await judged(panel)
    assert shares == [0.25]


async def test_a_model_that_graded_its_own_family_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    @dataclass
    class Kin(Fixed):
        async def grade(self, case: Case, /, *, timeout_s: float) -> Verdict:
            return Verdict(judge="kin", score=0.5, grader="openai/gpt-4.1", own_family=True)

    with caplog.at_level(logging.WARNING):
        await judged(panel_of(Kin("kin", 0.5)))
    assert caplog.messages == ["judge kin graded its own family (openai/gpt-4.1): no other was left"]


def test_the_expected_cost_is_that_of_every_judge_by_its_share() -> None:
    seats = [Seat(judge=RulesJudge()), Seat(judge=Fixed("a", 0.4), share=0.5), Seat(judge=Fixed("b", 0.1))]
    assert Panel(seats, chance=lambda _share: True).expected_cost_usd == 0.375


def test_rules_alone_are_expected_to_be_free() -> None:
    assert built([JudgeSettings(kind="rules")]).expected_cost_usd == 0.0


EVERY_KIND = [
    JudgeSettings(kind="rules"),
    JudgeSettings(kind="llm", name="critic", target="m"),
    JudgeSettings(kind="pairwise", target="m"),
    JudgeSettings(kind="consistency", cost_usd=1e-6),
    JudgeSettings(kind="relevance", cost_usd=1e-6),
    JudgeSettings(kind="logprob"),
]


def test_a_panel_is_built_from_its_settings() -> None:
    panel = built(EVERY_KIND, critic=[model()], pairwise=[model()])
    assert panel.expected_cost_usd == pytest.approx(3 * (800 * 1e-6 + 60 * 1e-5) + 2e-6)


def test_a_price_that_is_told_goes_before_the_one_worked_out() -> None:
    told = JudgeSettings(kind="llm", name="critic", target="m", cost_usd=0.5)
    assert built([told], critic=[model()]).expected_cost_usd == 0.5


async def test_without_a_second_answer_or_log_probabilities_most_judges_abstain() -> None:
    panel = built([each for each in EVERY_KIND if each.kind != "llm"], pairwise=[model()])
    verdicts = (await judged(panel)).verdicts
    assert {v.judge for v in verdicts if v.skipped == "abstained"} == {"pairwise", "consistency", "logprob"}
    assert [v.error for v in verdicts] == [None] * 5


async def test_a_judge_leaves_its_family_to_another_of_the_panel() -> None:
    settings = [JudgeSettings(kind="llm", name=name, target=name) for name in ("one", "two")]
    provider = Scripted([ProviderError("error", "m failed")])
    panel = built(settings, provider, one=[model("openai/gpt-5")], two=[model("local/tiny")])
    verdicts = (await panel.judge(case("4", target="openai/gpt-4.1"), left_s=20.0)).verdicts
    assert [v.skipped for v in verdicts] == ["abstained", None]
    assert provider.graders == ["local/tiny"]


def test_a_judge_without_a_model_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'critic' has no model"):
        built([JudgeSettings(kind="llm", name="critic", target="m")])


def test_the_graders_of_a_judge_are_its_target_and_those_for_other_families() -> None:
    more = GraderSettings(target="anthropic/b")
    settings = JudgeSettings(kind="llm", target="openai/a", family="x", graders=(more,))
    assert settings.models == (GraderSettings(target="openai/a", family="x"), more)
