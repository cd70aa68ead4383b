"""The fused router: the taxonomy where it is sure, the learned router where not, then the threshold cascade."""

from __future__ import annotations

from collections.abc import Sequence

from bandit_router.policy import climb
from bandit_router.policy.choice import floored, one_hot
from bandit_router.policy.spec import EmafusionSpec
from bandit_router.policy.taxonomy import Taxonomy
from bandit_router.protocols import Policy
from bandit_router.types import Action, Pmf, State


class Emafusion:
    """The policy of kind `emafusion`; what it learns, its two parts learn."""

    def __init__(self, spec: EmafusionSpec, taxonomy: Taxonomy, learned: Policy) -> None:
        self.name = spec.name
        self._spec, self._taxonomy, self._learned = spec, taxonomy, learned

    @property
    def version(self) -> str:
        """The parts' versions: `taxonomy@3+learned@12`."""
        return "+".join(f"{part.name}@{part.version}" for part in (self._taxonomy, self._learned))

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return the start of the part that is sure; once a model has answered, 1 for what the thresholds say."""
        if any(judged.ok for judged in state.history):
            moved = climb.move(state, actions, self._spec.thresholds)
            pmf = one_hot(len(actions), climb.worth_it(state, actions, moved))
        else:
            part = self._taxonomy if self._taxonomy.knows(state.context) else self._learned
            pmf = part.pmf(state, actions)
            pmf = pmf if state.history else floored(pmf, actions, self._spec.min_exploration)
        floor = self._spec.min_judging
        return climb.judging(pmf, state, actions, self._spec.thresholds, floor=floor, must_pay=True)
