"""The hand-tuned cascade: starts at a tier, climbs while judged quality is under a threshold; it learns nothing."""

from __future__ import annotations

from collections.abc import Sequence

from bandit_router.policy import climb
from bandit_router.policy.choice import floored, nearest, one_hot
from bandit_router.policy.spec import FixedCascadeSpec
from bandit_router.types import Action, Pmf, State


class FixedCascade:
    """The policy of kind `fixed_cascade`."""

    version = "0"

    def __init__(self, spec: FixedCascadeSpec) -> None:
        self.name = spec.name
        self._spec = spec

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return 1 for the start tier's cheapest model, later for what the thresholds say; 0 elsewhere."""
        if state.history:
            pmf = one_hot(len(actions), climb.move(state, actions, self._spec.thresholds))
        else:
            start = one_hot(len(actions), nearest(actions, self._spec.start))
            pmf = floored(start, actions, self._spec.min_exploration)
        return climb.judging(pmf, state, actions, self._spec.thresholds, floor=self._spec.min_judging)
