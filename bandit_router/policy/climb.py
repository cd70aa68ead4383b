"""Says where a threshold cascade goes after an attempt: stop, climb, replace; it does not choose the start."""

from __future__ import annotations

from collections.abc import Sequence

from bandit_router.policy.asking import asking, verdict_matters
from bandit_router.policy.choice import cheapest_below, cheapest_from, cheapest_in, stop_index
from bandit_router.policy.spec import Thresholds
from bandit_router.types import Action, Judged, Pmf, State


def move(state: State, actions: Sequence[Action], thresholds: Thresholds) -> int:
    """Return the index of the next action after the last attempt of a state that has one."""
    last = state.history[-1]
    return _after_answer(last, actions, thresholds) if last.ok else _after_failure(last, actions)


def judging(
    pmf: Pmf, state: State, actions: Sequence[Action], thresholds: Thresholds, *, floor: float, must_pay: bool = False
) -> Pmf:
    """Return the pmf with P(judged | action): 1 where an answer found wanting could be improved on, else `floor`."""

    def matters(index: int) -> bool:
        told_apart = any(judged.ok for judged in state.history) or thresholds.of(actions[index].tier) > 0
        return told_apart and verdict_matters(state, actions, index, must_pay=must_pay)

    return asking(pmf, actions, matters, floor=floor)


def worth_it(state: State, actions: Sequence[Action], index: int) -> int:
    """Return `index`, or that of `stop` where even a perfect answer would not pay for what the index would cost."""
    stop = stop_index(actions)
    return stop if stop is not None and index not in worthwhile(state, actions) else index


def worthwhile(state: State, actions: Sequence[Action]) -> list[int]:
    """Return the indices of stop and of the models that a perfect answer would pay for; of all where stop is not."""
    if stop_index(actions) is None:
        return list(range(len(actions)))
    best = max((judged.quality for judged in state.history if judged.quality is not None), default=0.0)
    left = (1 - best) * state.value_usd
    return [index for index, action in enumerate(actions) if action.is_stop or action.cost_usd < left]


def _after_answer(last: Judged, actions: Sequence[Action], thresholds: Thresholds) -> int:
    """Stop when the answer is good enough or could not be judged, else take the next tier's cheapest model.

    An unjudged answer is served: climbing blindly would spend money on no evidence that the answer is bad.
    """
    tier, stop = last.attempt.tier, stop_index(actions)
    good = last.quality is None or last.quality >= thresholds.of(tier)
    higher = cheapest_from(actions, tier + 1)
    # Stop is not offered while the request's own minimum is not met: then any model beats none.
    return _first(*((stop, higher) if good else (higher, stop)), cheapest_below(actions, tier + 1))


def _after_failure(last: Judged, actions: Sequence[Action]) -> int:
    """Take another model of the same tier, else of the next higher; then serve what is at hand, else go down."""
    tier = last.attempt.tier
    return _first(
        cheapest_in(actions, tier),
        cheapest_from(actions, tier + 1),
        stop_index(actions),
        cheapest_below(actions, tier),
    )


def _first(*choices: int | None) -> int:
    return next(choice for choice in choices if choice is not None)
