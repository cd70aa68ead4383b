"""Always one model, or always the cheapest or dearest at hand; it never climbs on quality."""

from __future__ import annotations

from collections.abc import Sequence

from bandit_router.policy.asking import asking
from bandit_router.policy.choice import cheapest, floored, model_indices, nearest, one_hot, stop_index
from bandit_router.policy.spec import StaticSpec
from bandit_router.types import Action, Pmf, State


class Static:
    """The policy of kind `static`."""

    version = "0"

    def __init__(self, spec: StaticSpec) -> None:
        self.name = spec.name
        self._spec = spec

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return 1 for the model (its substitute when it is not at hand), or for stop once a model has answered."""
        pmf = one_hot(len(actions), self._choose(state, actions))
        pmf = pmf if state.history else floored(pmf, actions, self._spec.min_exploration)
        return asking(pmf, actions, lambda _: False, floor=self._spec.min_judging)

    def _choose(self, state: State, actions: Sequence[Action]) -> int:
        stop, models = stop_index(actions), model_indices(actions)
        if stop is not None and (not models or any(judged.ok for judged in state.history)):
            return stop
        if self._spec.model == "@cheapest":
            return cheapest(actions, models)
        if self._spec.model == "@dearest":
            return max(models, key=lambda index: (actions[index].cost_usd, actions[index].tier))
        wanted = [index for index in models if actions[index].model == self._spec.model]
        return wanted[0] if wanted else nearest(actions, self._tier(state, actions))

    def _tier(self, state: State, actions: Sequence[Action]) -> int:
        """Return the tier to replace the model from: its own when known, else the highest at hand."""
        tried = [judged.attempt.tier for judged in state.history if judged.attempt.model == self._spec.model]
        known = [*tried, *([self._spec.tier] if self._spec.tier is not None else [])]
        return known[0] if known else max(action.tier for action in actions)
