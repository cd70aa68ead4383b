"""Says where a verdict could change what a threshold cascade does; where not, judging is left to a sampling floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bandit_router.types import Action, Pmf, State


def asking(pmf: Pmf, actions: Sequence[Action], matters: Callable[[int], bool], *, floor: float) -> Pmf:
    """Return the pmf with P(judged | action): 1 where a verdict on its answer matters, elsewhere the floor."""
    judge = tuple(1.0 if action.is_stop or matters(i) else floor for i, action in enumerate(actions))
    return replace(pmf, judge=() if all(chance == 1.0 for chance in judge) else judge)


def verdict_matters(
    state: State, actions: Sequence[Action], index: int, *, higher_only: bool = True, must_pay: bool = False
) -> bool:
    """Return whether a verdict on the answer of the action at `index` could change what is done or served.

    It could when there is another answer to choose from, or a model left to go on to: one of a higher tier, unless any
    will do, and one that a perfect answer would pay for, if it `must_pay`.
    """
    answered = sum(judged.ok for judged in state.history)
    if answered:
        return True
    if state.max_attempts is not None and state.max_attempts <= 1:
        return False
    return any(
        not action.is_stop
        and place != index
        and (not higher_only or action.tier > actions[index].tier)
        and (not must_pay or action.cost_usd < state.value_usd)
        for place, action in enumerate(actions)
    )
