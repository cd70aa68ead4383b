"""Plays one policy through a stream with the product's own rules and types, learning online; it compares nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from bandit_router.cascade.plan import Limits, concluded, next_actions
from bandit_router.cascade.run import take_step
from bandit_router.policy.draw import draw, validate
from bandit_router.policy.probe import Probe, expected
from bandit_router.protocols import Forgetful, LearningPolicy, Policy
from bandit_router.registry.drift import EVERY_MODEL, Drift
from bandit_router.reward.pacer import Pacer
from bandit_router.types import (
    Action,
    Attempt,
    Context,
    Decision,
    DecisionKind,
    Event,
    Judged,
    Judgement,
    Outcome,
    State,
    Step,
    Verdict,
)
from bandit_router.types.naming import known_maker, line_of, size_of
from simulate.bench.absorb import Absorption
from simulate.bench.judges import RULES
from simulate.bench.record import Alarm, Tally
from simulate.bench.stream import Block, Setting, Stream, outcomes
from simulate.bench.world import Tick, World

EPOCH: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""When the first query comes; one a second follows."""
EVERY: Final = 100
"""How many queries are played between ticks."""

PolicyFor = Callable[[Block], Policy]
"""The policy for a phase: one and the same object, but for the oracle."""


class Replay:
    """One policy on one stream."""

    def __init__(self, world: World, setting: Setting, stream: Stream, learners: Sequence[LearningPolicy]) -> None:
        self._world, self._setting, self._stream, self._learners = world, setting, stream, tuple(learners)
        self._tally, self._seq, self._done = Tally(), 0, 0
        budget = setting.budget_usd
        self._drift, self._uses = Drift(), Counter[str]()
        # What learns nothing knows the world, or wants to know nothing of it.
        self._absorption = Absorption(probes=setting.probes if learners else 0, seed=stream.seed)
        self._pacer = Pacer(budget_usd=budget, start_usd=setting.value_usd) if budget else None

    def play(self, policy_for: PolicyFor, tick: Tick) -> Tally:
        """Return what became of every query."""
        for phase in self._stream.phases:
            quarter = len(self._stream.order) // 4
            dropped = self._tally.most_served(min(quarter, phase.start)) if phase.drop else None
            self._tally.dropped.append(dropped)
            self._uses.clear()
            block = outcomes(self._world, self._stream, phase, dropped=dropped)
            self._absorption.meet(block.present)
            self._play(_Lines(self._world, self._setting, self._stream, block), policy_for(block), tick)
        tick(self._done % EVERY)
        self._tally.absorbed = self._absorption.ended
        return self._tally

    def _play(self, lines: _Lines, policy: Policy, tick: Tick) -> None:
        for place in range(len(lines.block.rows)):
            outcome, decision = self._query(lines, place, policy)
            self._note(lines, place, outcome)
            if self._pacer:
                self._pacer.spent(outcome.cost_usd)
            self._teach(decision, outcome, score=lines.score(place, outcome) if lines.feedback[place] else None)
            self._probe(lines, place, policy, decision, outcome)
            self._done += 1
            if self._done % EVERY == 0:
                tick(EVERY)

    def _query(self, lines: _Lines, place: int, policy: Policy) -> tuple[Outcome, Decision]:
        context, draws = lines.contexts[place], lines.draws[place]
        value_usd = self._pacer.value_usd if self._pacer else self._setting.value_usd
        candidates, limits = lines.actions(place, but=self._absorption.away), lines.limits
        history: tuple[Judged, ...] = ()
        steps: tuple[Step, ...] = ()
        actions: Sequence[Action] = next_actions(candidates, history, limits)
        while actions:
            state = State(
                context=context,
                value_usd=value_usd,
                history=history,
                steps=steps,
                max_attempts=limits.max_attempts,
            )
            step = choose(policy, state, actions, draws[len(steps)])
            steps = (*steps, step)
            if step.action.is_stop:
                break
            history = (*history, lines.attempt(place, step, len(history)))
            actions = next_actions(candidates, history, limits)
        return _ended(steps, history, policy, state, number=lines.block.phase.start + place)

    def _note(self, lines: _Lines, place: int, outcome: Outcome) -> None:
        self._tally.add(
            quality=lines.score(place, outcome),
            cost_usd=outcome.cost_usd,
            start=outcome.steps[0].action.tier,
            served=_served_model(outcome),
            attempts=len(outcome.history),
            judged=sum(judged.judgement is not None for judged in outcome.history),
        )

    def _teach(self, decision: Decision, outcome: Outcome, *, score: float | None) -> None:
        """Let every learner learn the event at once, and the feedback right after it; then what changed, if it did."""
        self._seq += 1
        events = [Event(seq=self._seq, kind="finished", decision=decision, outcome=outcome)]
        if score is not None:
            self._seq += 1
            events.append(Event(seq=self._seq, kind="feedback", decision=decision, outcome=outcome, feedback=score))
        for event in events:
            for learner in self._learners:
                learner.learn((event,))
            self._watch(event)

    def _probe(self, lines: _Lines, place: int, policy: Policy, decision: Decision, outcome: Outcome) -> None:
        """Let a model that is probed answer a query beside the stream, if it is worth that."""
        absorption, now = self._absorption, decision.created_at
        if not absorption.away:
            return
        absorption.pass_by()
        model = absorption.due(now)
        if model is not None:
            state = State(context=decision.context, value_usd=decision.value_usd)
            actions = lines.actions(place, but=absorption.away - {model})
            found = expected(policy, self._world.models[model], state, actions)
            if absorption.is_worth(model, found, actions, decision, outcome):
                probe = Probe(self._world.models[model], found[0] if found else {})
                step = choose(probe, state, actions, (0.0, 0.0))
                history = (lines.attempt(place, step, 0),)
                ended, made = _ended(
                    (step,), history, probe, state, number=self._done, kind="probe", parent=decision.id
                )
                absorption.note(model, ended, decision, outcome)
                self._teach(made, ended, score=None)
        absorption.conclude(self._done, now, self._world.models)

    def _watch(self, event: Event) -> None:
        """Notice what changed as the service does, and let every learner forget it."""
        if event.kind == "finished":
            self._uses.update(j.attempt.model for j in event.outcome.history if j.quality is not None)
        before = self._drift.changes
        self._drift.learn((event,))
        for change in [] if self._drift.changes is before else self._drift.changes[-1:]:
            uses = self._uses[change.model]
            self._tally.alarms.append(Alarm(query=self._done, model=change.model, kind=change.kind, uses=uses))
            for learner in self._learners:
                if change.model != EVERY_MODEL and isinstance(learner, Forgetful):
                    learner.forget(change.model)


def choose(policy: Policy, state: State, actions: Sequence[Action], uniforms: Sequence[float]) -> Step:
    """Ask the policy, check its pmf, draw the action with one uniform and whether to judge with the other."""
    return take_step(
        policy,
        state,
        actions,
        draw=lambda pmf: draw(validate(pmf, len(actions)), uniforms[0]),
        chance=lambda probability: uniforms[1] < probability,
    )


class _Lines:
    """A block's outcomes as plain Python values: indexing arrays query by query would cost most of the time."""

    def __init__(self, world: World, setting: Setting, stream: Stream, block: Block) -> None:
        self.block, span = block, slice(block.phase.start, block.phase.stop)
        self.limits = Limits(max_attempts=setting.max_attempts)
        self.contexts: list[Context] = [world.contexts[row] for row in block.rows]
        self.draws: list[list[list[float]]] = stream.draws[span].tolist()
        self.feedback: list[bool] = stream.feedback[span].tolist()
        self._judges = world.judges
        self._named = [
            partial(Action, model=name, tier=tier, family=known_maker(name), line=line_of(name), size_b=size_of(name))
            for tier, name in enumerate(world.models)
        ]
        self._judge_cost = setting.judge_cost_usd
        self._beside = (Verdict(judge=RULES, score=1.0),) if world.judge.rules else ()
        self._expected: list[list[float]] = (block.expected + setting.judge_cost_usd).tolist()
        self._scores: list[list[float]] = block.scores.tolist()
        self._costs: list[list[float]] = block.costs.tolist()
        self._tokens: list[list[list[int]]] = world.tokens[block.rows].tolist()
        self._verdicts: list[list[list[float]]] = block.verdicts.tolist()
        self._panel: list[list[float]] = block.panel.tolist()

    def actions(self, place: int, *, but: Collection[int] = ()) -> tuple[Action, ...]:
        """Return the models that can be called, with what each is expected to cost and what its name tells of it."""
        expected, named = self._expected[place], self._named
        return tuple(named[tier](cost_usd=expected[tier]) for tier in self.block.present if tier not in but)

    def attempt(self, place: int, step: Step, index: int) -> Judged:
        """Return what the model of a step answered, judged if it was to be."""
        tier = step.action.tier
        tokens = self._tokens[place][tier]
        attempt = Attempt(
            index=index,
            model=step.action.model,
            tier=tier,
            status="ok",
            cost_usd=self._costs[place][tier],
            latency_s=0.0,
            input_tokens=tokens[0],
            output_tokens=tokens[1],
        )
        return Judged(attempt=attempt, judgement=self._judgement(place, tier) if step.judged else None)

    def score(self, place: int, outcome: Outcome) -> float:
        """Return the true score of the answer served; 0 when there is none."""
        tier = _served_model(outcome)
        return 0.0 if tier < 0 else self._scores[place][tier]

    def _judgement(self, place: int, tier: int) -> Judgement:
        share = self._judge_cost / len(self._judges)
        scores = self._verdicts[place][tier]
        verdicts = [Verdict(judge=j, score=s, cost_usd=share) for j, s in zip(self._judges, scores, strict=True)]
        return Judgement(quality=self._panel[place][tier], verdicts=(*self._beside, *verdicts))


def _served_model(outcome: Outcome) -> int:
    return -1 if outcome.served is None else outcome.history[outcome.served].attempt.tier


def _ended(
    steps: tuple[Step, ...],
    history: tuple[Judged, ...],
    policy: Policy,
    state: State,
    *,
    number: int,
    kind: DecisionKind = "served",
    parent: str | None = None,
) -> tuple[Outcome, Decision]:
    """Return the query's outcome and decision as the product would log them."""
    now, name = EPOCH + timedelta(seconds=number), str(number)
    final = State(context=state.context, value_usd=state.value_usd, history=history, steps=steps)
    outcome = concluded(name, final, finished_at=now, latency_s=0.0)
    decision = Decision(
        id=name,
        created_at=now,
        context=state.context,
        policy=policy.name,
        version=policy.version,
        value_usd=state.value_usd,
        step=steps[0],
        kind=kind,
        parent=parent,
    )
    return outcome, decision
