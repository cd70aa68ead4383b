"""The policy of a run that is to get to know one model: it takes that, and stops; nobody is served by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bandit_router.errors import NoEligibleModel
from bandit_router.protocols import Policy
from bandit_router.types import Action, Pmf, State

PROBE = "probe"
"""The name it is logged under."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Takes one model among all that could take the request; its answer is always judged."""

    model: str
    predicted: Mapping[str, float] = field(default_factory=dict)
    """What the request was expected to come to with the model on offer, and by each of the others without it."""
    name: str = PROBE
    version: str = "0"

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return probability 1 for the model, then for `stop`; raise `NoEligibleModel` when it is not offered."""
        wanted = [action.is_stop if state.history else action.model == self.model for action in actions]
        if not any(wanted):
            raise NoEligibleModel(f"{self.model!r} cannot take this request, so it is not probed with it")
        predicted = () if state.history or not self.predicted else tuple(self.predicted.get(a.model) for a in actions)
        return Pmf(probs=tuple(map(float, wanted)), predicted=predicted)


def expected(
    policy: Policy, model: str, state: State, actions: Sequence[Action], /
) -> tuple[Mapping[str, float], float] | None:
    """Return what `Probe` logs, and the reward predicted of starting with the model; None if nothing is predicted."""
    together = {a.model: v for a, v in _predicted(policy, state, actions) if v is not None}
    apart = {
        a.model: v for a, v in _predicted(policy, state, [a for a in actions if a.model != model]) if v is not None
    }
    if model not in together or not apart:
        return None
    return {**apart, model: max(together.values())}, together[model]


def _predicted(policy: Policy, state: State, actions: Sequence[Action]) -> Iterator[tuple[Action, float | None]]:
    return zip(actions, policy.pmf(state, actions).predicted, strict=False)
