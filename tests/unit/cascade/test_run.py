"""The driver calls what was drawn, judges it, and turns errors into attempts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bandit_router.cascade.plan import Limits, next_actions
from bandit_router.cascade.run import Calibrate, Cascade, Plan, at_face_value
from bandit_router.errors import ProviderError
from bandit_router.types import (
    Action,
    Case,
    ChatRequest,
    Completion,
    Context,
    Judgement,
    Model,
    Pmf,
    State,
)

REQUEST = ChatRequest(messages=({"role": "user", "content": "Hello"},))
CONTEXT = Context(category="other", confidence=1.0, surface={}, embedding=np.zeros(4, np.float32), key="k")


@dataclass
class Script:
    """A policy that takes the first of its wishes that is offered."""

    wishes: Sequence[str]
    judge: float = 1.0
    name: str = "script"
    version: str = "0"

    def pmf(self, _state: State, actions: Sequence[Action], /) -> Pmf:
        offered = [a.model for a in actions]
        wish = next(w for w in self.wishes if w in offered)
        probs = tuple(float(name == wish) for name in offered)
        return Pmf(probs=probs, judge=(self.judge,) * len(offered))


@dataclass
class Upstream:
    """Models that answer their own name, or fail as told; notes each timeout."""

    failures: Mapping[str, str] = field(default_factory=dict)
    timeouts: list[float] = field(default_factory=list)

    async def complete(self, model: Model, _request: ChatRequest, /, *, timeout_s: float) -> Completion:
        self.timeouts.append(timeout_s)
        if model.name in self.failures:
            raise ProviderError(self.failures[model.name], "told to fail")  # type: ignore[arg-type]
        message = {"role": "assistant", "content": model.name}
        return Completion(message=message, finish_reason="stop", input_tokens=1, output_tokens=2, cost_usd=0.25)


@dataclass
class Verdicts:
    """A panel with a quality for each answer's text."""

    qualities: Mapping[str, float]
    asked: list[str] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    left_s: list[float] = field(default_factory=list)

    async def judge(self, case: Case, /, *, left_s: float) -> Judgement:
        text = case.answer.completion.text
        self.asked.append(text)
        self.cases.append(case)
        self.left_s.append(left_s)
        return Judgement(quality=self.qualities.get(text, 0.5))


def first_certain(pmf: Pmf) -> int:
    return pmf.probs.index(1.0)


def ticking() -> float:
    return 0.0


async def run(
    wishes: Sequence[str],
    upstream: Upstream,
    panel: Verdicts,
    limits: Limits | None = None,
    *,
    judge: float = 1.0,
    calibrate: Calibrate = at_face_value,
) -> State:
    models = {
        name: Model(name=name, target=name, tier=tier, input_usd_per_token=0.0, output_usd_per_token=0.0)
        for tier, name in enumerate(("small", "medium", "large"))
    }
    candidates = tuple(Action(model=m.name, tier=m.tier) for m in models.values())
    plan = Plan(
        policy=Script(wishes, judge), candidates=candidates, models=models, limits=limits or Limits(), started=-2.0
    )
    cascade = Cascade(
        provider=upstream,
        panel=panel,
        draw=first_certain,
        chance=lambda p: p >= 0.5,
        clock=ticking,
        calibrate=calibrate,
    )
    state = State(context=CONTEXT, value_usd=1.0, min_quality=plan.limits.min_quality)
    opening = cascade.choose(plan.policy, state, next_actions(candidates, (), plan.limits))
    return await cascade.run(REQUEST, opening, state, plan=plan)


async def test_a_cascade_goes_on_until_the_policy_stops() -> None:
    final = await run(["small", "medium", "stop"], Upstream(), Verdicts({}))
    assert [j.attempt.model for j in final.history] == ["small", "medium"]


async def test_every_draw_is_kept_as_a_step_the_last_stop_included() -> None:
    final = await run(["small", "stop"], Upstream(), Verdicts({}))
    assert [(s.index, s.action.model, s.propensity) for s in final.steps] == [(0, "small", 1.0), (1, "stop", 1.0)]


async def test_a_failed_call_is_an_attempt_and_the_cascade_moves_on() -> None:
    final = await run(["small", "large", "stop"], Upstream({"small": "rate_limit"}), Verdicts({}))
    assert [(j.attempt.model, j.attempt.status) for j in final.history] == [("small", "rate_limit"), ("large", "ok")]


async def test_a_failed_call_is_not_judged() -> None:
    panel = Verdicts({})
    await run(["small", "large", "stop"], Upstream({"small": "timeout"}), panel)
    assert panel.asked == ["large"]


async def test_when_every_model_fails_the_cascade_ends_with_every_attempt() -> None:
    upstream = Upstream(dict.fromkeys(("small", "medium", "large"), "error"))
    final = await run(["small", "medium", "large"], upstream, Verdicts({}))
    assert [j.attempt.error for j in final.history] == ["told to fail"] * 3


async def test_a_call_never_gets_more_time_than_the_deadline_leaves() -> None:
    upstream = Upstream()
    await run(["small", "stop"], upstream, Verdicts({}), Limits(deadline_s=7.0))
    assert upstream.timeouts == [5.0]


async def test_costs_and_usage_are_kept_with_the_attempt() -> None:
    attempt = (await run(["small", "stop"], Upstream(), Verdicts({}))).history[0].attempt
    assert (attempt.cost_usd, attempt.input_tokens, attempt.output_tokens) == (0.25, 1, 2)


async def test_no_judge_is_asked_where_nothing_hangs_on_it() -> None:
    panel = Verdicts({})
    final = await run(["small", "stop"], Upstream(), panel, Limits(judge=False))
    assert panel.asked == []
    assert final.history[0].quality is None


async def test_an_answer_that_the_policy_leaves_unjudged_costs_no_verdict() -> None:
    panel = Verdicts({})
    final = await run(["small", "stop"], Upstream(), panel, judge=0.4)
    assert (panel.asked, final.history[0].judgement) == ([], None)
    assert (final.steps[0].judged, final.steps[0].judge_propensity) == (False, 0.4)


async def test_an_answer_drawn_to_be_judged_is_judged() -> None:
    panel = Verdicts({})
    assert (await run(["small", "stop"], Upstream(), panel, judge=0.6)).steps[0].judged
    assert panel.asked == ["small"]


async def test_a_request_that_wants_a_least_quality_has_every_answer_judged_for_certain() -> None:
    panel = Verdicts({"small": 0.2, "medium": 0.9})
    final = await run(["small", "medium", "stop"], Upstream(), panel, Limits(min_quality=0.8), judge=0.1)
    assert panel.asked == ["small", "medium"]
    assert [one.judge_propensity for one in final.steps] == [1.0, 1.0, 1.0]


async def test_what_the_verdicts_are_worth_is_the_quality() -> None:
    def calibrate(judgement: Judgement, /, *, model: str, category: str) -> float | None:
        assert (judgement.quality, category) == (0.5, "other")
        return {"small": 0.2, "medium": 0.7}[model]

    final = await run(["small", "medium", "stop"], Upstream(), Verdicts({}), calibrate=calibrate)
    assert [judged.quality for judged in final.history] == [0.2, 0.7]


async def test_the_panel_gets_the_time_that_the_deadline_leaves() -> None:
    panel = Verdicts({})
    await run(["small", "stop"], Upstream(), panel, Limits(deadline_s=7.0))
    assert panel.left_s == [5.0]


async def test_the_panel_sees_the_answers_had_before_with_their_quality() -> None:
    panel = Verdicts({"small": 0.3})
    await run(["small", "large", "stop"], Upstream(), panel)
    seen = [[(r.model.name, r.completion.text, r.quality) for r in case.earlier] for case in panel.cases]
    assert seen == [[], [("small", "small", 0.3)]]


async def test_the_panel_is_not_shown_a_call_that_failed() -> None:
    panel = Verdicts({})
    await run(["small", "large", "stop"], Upstream({"small": "error"}), panel)
    assert [(case.answer.model.name, case.earlier) for case in panel.cases] == [("large", ())]


async def test_the_panel_is_told_the_category() -> None:
    panel = Verdicts({})
    await run(["small", "stop"], Upstream(), panel)
    assert panel.cases[0].category == "other"
