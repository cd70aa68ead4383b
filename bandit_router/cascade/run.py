"""Drives a cascade: draws, calls, judges, until a policy stops or nothing is left; the rules are in `plan`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bandit_router.cascade.fuse import answers_at_hand, fusing
from bandit_router.cascade.plan import Limits, next_actions
from bandit_router.errors import ProviderError
from bandit_router.protocols import Policy, Provider
from bandit_router.types import (
    Action,
    Attempt,
    Case,
    ChatRequest,
    Judged,
    Judgement,
    Model,
    Pmf,
    Reply,
    State,
    Step,
)


class Panel(Protocol):
    """Judges one answer."""

    async def judge(self, case: Case, /, *, left_s: float) -> Judgement:
        """Return what the panel has to say once every judge has answered or `left_s` are over; it does not raise."""


class Calibrate(Protocol):
    """Says what a panel's verdicts are worth."""

    def __call__(self, judgement: Judgement, /, *, model: str, category: str) -> float | None:
        """Return P(the model's answer is good) in [0, 1], None when no verdict could be had."""


Draw = Callable[[Pmf], int]
Chance = Callable[[float], bool]
"""True with the probability given."""
Clock = Callable[[], float]


def at_face_value(judgement: Judgement, /, *, model: str, category: str) -> float | None:  # noqa: ARG001
    """Take the panel at its word."""
    return judgement.quality


def take_step(policy: Policy, state: State, actions: Sequence[Action], *, draw: Draw, chance: Chance) -> Step:
    """Ask a policy, draw the action and whether its answer is judged, and return the step as it is logged."""
    pmf = policy.pmf(state, actions)
    if state.min_quality is not None:
        pmf = replace(pmf, judge=())
    chosen = draw(pmf)
    return Step(
        index=len(state.steps),
        actions=tuple(actions),
        pmf=pmf,
        chosen=chosen,
        policy=policy.name,
        version=policy.version,
        judged=not pmf.judge or pmf.judge[chosen] >= 1.0 or chance(pmf.judge[chosen]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """Everything a cascade needs besides its request; `clock` gives monotonic seconds, `draw` and `chance` the luck."""

    provider: Provider
    panel: Panel
    draw: Draw
    chance: Chance
    clock: Clock
    calibrate: Calibrate = at_face_value

    def choose(self, policy: Policy, state: State, actions: Sequence[Action]) -> Step:
        """Ask the policy, draw, and return the step as it will be logged."""
        return take_step(policy, state, actions, draw=self.draw, chance=self.chance)

    async def run(self, request: ChatRequest, opening: Step, state: State, *, plan: Plan) -> State:
        """Carry out the opening step and go on to the end; return the state with every step and judged attempt."""
        ends, step = plan.started + plan.limits.deadline_s, opening
        while not step.action.is_stop:
            model = plan.models[step.action.model]
            asked = fusing(request, answers_at_hand(state.history)) if model.fuses else request
            attempt = await self._call(model, asked, index=len(state.history), left_s=ends - self.clock())
            judged = Judged(attempt=attempt)
            if attempt.completion is not None and step.judged and plan.limits.judge:
                case = _case(request, attempt, state, models=plan.models)
                judged = replace(judged, judgement=await self._judge(case, left_s=ends - self.clock()))
            state = replace(state, history=(*state.history, judged), steps=(*state.steps, step))
            elapsed_s = self.clock() - plan.started
            actions = next_actions(plan.candidates, state.history, plan.limits, elapsed_s=elapsed_s)
            if not actions:
                return state
            step = self.choose(plan.policy, state, actions)
        return replace(state, steps=(*state.steps, step))

    async def _call(self, model: Model, request: ChatRequest, *, index: int, left_s: float) -> Attempt:
        started = self.clock()
        try:
            timeout_s = max(min(model.timeout_s, left_s), 0.001)
            completion = await self.provider.complete(model, request, timeout_s=timeout_s)
        except ProviderError as error:
            return Attempt(
                index=index,
                model=model.name,
                tier=model.tier,
                status=error.kind,
                error=str(error),
                cost_usd=0.0,
                latency_s=self.clock() - started,
            )
        return Attempt(
            index=index,
            model=model.name,
            tier=model.tier,
            status="ok",
            cost_usd=completion.cost_usd,
            latency_s=self.clock() - started,
            completion=completion,
            input_tokens=completion.input_tokens,
            output_tokens=completion.output_tokens,
            provider_model=completion.model,
            system_fingerprint=completion.system_fingerprint,
        )

    async def _judge(self, case: Case, *, left_s: float) -> Judgement:
        judgement = await self.panel.judge(case, left_s=left_s)
        quality = self.calibrate(judgement, model=case.answer.model.name, category=case.category)
        return replace(judgement, quality=quality)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What stays the same through one cascade: who decides, among what, within which limits."""

    policy: Policy
    candidates: tuple[Action, ...]
    models: Mapping[str, Model]
    limits: Limits
    started: float
    """When the request came, by the cascade's clock; the deadline counts from there."""


def _case(request: ChatRequest, attempt: Attempt, state: State, *, models: Mapping[str, Model]) -> Case:
    """Return what the panel is to look at: the attempt, beside every answer at hand."""
    answers = [
        Reply(model=models[each.attempt.model], completion=each.attempt.completion, quality=each.quality)
        for each in (*state.history, Judged(attempt=attempt))
        if each.attempt.completion is not None
    ]
    return Case(request=request, category=state.context.category, answer=answers[-1], earlier=tuple(answers[:-1]))
