"""The policy of a run that is to get to know one model: it takes that, and stops; nobody is served by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bandit_router.errors import NoEligibleModel
from bandit_router.types import Action, Pmf, State

PROBE = "probe"
"""The name it is logged under."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Takes one model among all that could take the request; its answer is always judged."""

    model: str
    name: str = PROBE
    version: str = "0"

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return probability 1 for the model, then for `stop`; raise `NoEligibleModel` when it is not offered."""
        wanted = [action.is_stop if state.history else action.model == self.model for action in actions]
        if not any(wanted):
            raise NoEligibleModel(f"{self.model!r} cannot take this request, so it is not probed with it")
        return Pmf(probs=tuple(map(float, wanted)))
