"""What a target would have made of one logged decision, step by step, as probabilities; it estimates nothing.

Whether an answer is judged is drawn too, and may change what is done next. Where an answer was judged for certain and
the target would not have been sure to ask, its next step is averaged over asking and not asking, since both can be
worked out; where judging was sampled, the draw counts like any other. The served answer's own judgement, when nothing
was tried after it, is how its quality came to be seen: for qualities it is averaged over, and what divides instead is
the log's probability of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bandit_router.protocols import Policy
from bandit_router.types import Event, Pmf, State, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Ratios of a target's probabilities to the log's over one decision, and what the target would have paid.

    `weight` and `cost_usd` are for rows whose quality was seen; `full` and `full_cost_usd` for all rows. `bound` is the
    largest weight that any course from here could have had, `lost` the target's probability, so far as this decision
    shows it, on what the log could not do. `turns` are its steps, for models of what is still to come.
    """

    weight: float
    full: float
    cost_usd: float
    full_cost_usd: float
    bound: float
    lost: float
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A step's probabilities under the target, and the ratio of the draw of judging before it, in both weights.

    `mixed` is averaged over asking the judges and not; `sampled` says whether the log drew that before this step.
    """

    probs: tuple[float, ...]
    side: float = 1.0
    full_probs: tuple[float, ...]
    full_side: float = 1.0
    mixed: tuple[float, ...]
    sampled: bool = False
    asked: float = 1.0
    """The target's probability of having asked the judges, given what it did next and what they said."""
    full_asked: float = 1.0


def walk(policy: Policy, event: Event, *, max_attempts: int | None) -> Course:
    """Return a target's course along a logged decision."""
    weight, full, bound, lost = 1.0, 1.0, 1.0, 0.0
    turns: list[Turn] = []
    before: Pmf | None = None
    for k, step in enumerate(event.outcome.steps):
        state = _state(event, k, max_attempts)
        own = policy.pmf(state, step.actions)
        turns.append(_turn(policy, event, state, own.probs, before))
        turn, logged = turns[-1], step.pmf.probs
        lost += full * sum(p for p, q in zip(turn.full_probs, logged, strict=True) if q <= 0)
        weight *= turn.side * turn.probs[step.chosen] / step.propensity
        full *= turn.full_side * turn.full_probs[step.chosen] / step.propensity
        bound *= max(turn.side, 1.0) * max(p / q for p, q in zip(turn.probs, logged, strict=True) if q > 0)
        before = own
    asked, full_asked, side = _ending(event, turns, before)
    judges = _served_judges_usd(event)
    cost = event.outcome.cost_usd
    return Course(
        weight=weight,
        full=full * side,
        cost_usd=cost - judges * (1 - asked),
        full_cost_usd=cost - judges * (1 - full_asked),
        bound=bound,
        lost=lost,
        turns=tuple(turns),
    )


def served_last(event: Event) -> bool:
    """Return whether the answer served was the last one tried."""
    return event.outcome.served is not None and event.outcome.served == len(event.outcome.history) - 1


def _state(event: Event, k: int, max_attempts: int | None) -> State:
    decision, outcome = event.decision, event.outcome
    return State(
        context=decision.context,
        value_usd=decision.value_usd,
        value_s=decision.value_s,
        history=outcome.history[:k],
        steps=outcome.steps[:k],
        max_attempts=max_attempts,
    )


def _turn(policy: Policy, event: Event, state: State, told: tuple[float, ...], before: Pmf | None) -> Turn:
    k = len(state.steps)
    if before is None or not state.history or not state.history[-1].ok:
        return Turn(probs=told, full_probs=told, mixed=told)
    last, step = state.steps[-1], event.outcome.steps[k]
    target, logged = _judging(before, last), last.judge_propensity
    mixed = told
    if last.judged and target < 1:
        blind = policy.pmf(_unjudged(state), step.actions).probs
        mixed = tuple(target * j + (1 - target) * b for j, b in zip(told, blind, strict=True))
    final = served_last(event) and k == len(event.outcome.history)
    certain = logged >= 1
    side = 1.0 if certain or logged <= 0 else _ratio(last, target)
    asked = target * told[step.chosen] / mixed[step.chosen] if mixed[step.chosen] > 0 else 1.0
    return Turn(
        probs=mixed if final or certain else told,
        side=1.0 if final else side,
        full_probs=mixed if certain else told,
        full_side=side,
        mixed=mixed,
        sampled=0 < logged < 1,
        asked=asked if last.judged else 1.0,
        full_asked=asked if last.judged and certain else 1.0,
    )


def _ending(event: Event, turns: list[Turn], before: Pmf | None) -> tuple[float, float, float]:
    """Return P(the judges of the answer served asked), in both weights, and the ratio of a draw no step came after."""
    steps, history = event.outcome.steps, event.outcome.history
    if not served_last(event):
        return 1.0, 1.0, 1.0
    if len(steps) > len(history):
        return turns[-1].asked, turns[-1].full_asked, 1.0
    assert before is not None, "an answer was served, so there was a step"
    last, target = steps[-1], _judging(before, steps[-1])
    sampled = 0 < last.judge_propensity < 1
    asked = target if last.judged else 1.0
    return asked, 1.0 if sampled else asked, _ratio(last, target) if sampled else 1.0


def _judging(pmf: Pmf, step: Step) -> float:
    """Return the target's probability of judging the answer to what was done."""
    return pmf.judge[step.chosen] if pmf.judge else 1.0


def _ratio(step: Step, target: float) -> float:
    logged = step.judge_propensity
    return target / logged if step.judged else (1 - target) / (1 - logged)


def _unjudged(state: State) -> State:
    """Return the state as it would be had the last answer not been judged."""
    bare = replace(state.history[-1], judgement=None)
    steps = (*state.steps[:-1], replace(state.steps[-1], judged=False))
    return replace(state, history=(*state.history[:-1], bare), steps=steps)


def _served_judges_usd(event: Event) -> float:
    """Return what the judges of the answer served cost."""
    served = event.outcome.served
    judgement = None if served is None else event.outcome.history[served].judgement
    return judgement.cost_usd if judgement else 0.0
