"""Shares requests among policies and reports the exact marginal pmf of every step; it learns nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bandit_router.policy.choice import floored
from bandit_router.policy.spec import MixtureSpec
from bandit_router.protocols import Policy
from bandit_router.types import Action, Pmf, State


class Mixture:
    """The policy of kind `mixture`: as if one component were drawn a request and followed to the end."""

    def __init__(self, spec: MixtureSpec, components: Sequence[Policy]) -> None:
        self.name = spec.name
        self._floor = spec.min_exploration
        self._components = tuple(components)
        self._prior = _normalised([component.weight for component in spec.components])

    @property
    def version(self) -> str:
        """The components' versions: `fixed_cascade@0+vw_cb@12`."""
        return "+".join(
            part.version if isinstance(part, Mixture) else f"{part.name}@{part.version}" for part in self._components
        )

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return the components' pmfs, each weighed by how probable it is given the steps drawn so far."""
        mixed = _mix(self._posterior(state), self._components, state, actions)
        return mixed if state.history else floored(mixed, actions, self._floor)

    def _posterior(self, state: State) -> list[float]:
        """Return P(component | steps so far), by Bayes' rule; the prior when no component could have drawn them."""
        weights = list(self._prior)
        for k, step in enumerate(state.steps):
            past = replace(state, history=state.history[:k], steps=state.steps[:k])
            weights = _normalised(
                [
                    weight * component.pmf(past, step.actions).probs[step.chosen] if weight > 0 else 0.0
                    for weight, component in zip(weights, self._components, strict=True)
                ]
            )
            if not any(weights):
                return list(self._prior)
        return weights


def _mix(weights: Sequence[float], components: Sequence[Policy], state: State, actions: Sequence[Action]) -> Pmf:
    parts = [(w, part.pmf(state, actions)) for w, part in zip(weights, components, strict=True) if w > 0]
    probs = _normalised([sum(w * pmf.probs[index] for w, pmf in parts) for index in range(len(actions))])
    predicted = tuple(
        _mean([(w, pmf.predicted[index]) for w, pmf in parts if pmf.predicted]) for index in range(len(actions))
    )
    return Pmf(probs=tuple(probs), predicted=predicted if any(value is not None for value in predicted) else ())


def _mean(pairs: Sequence[tuple[float, float | None]]) -> float | None:
    """Return the weighted mean of the predictions there are, None when there are none."""
    known = [(weight, value) for weight, value in pairs if value is not None]
    total = sum(weight for weight, _ in known)
    return sum(weight * value for weight, value in known) / total if known else None


def _normalised(weights: Sequence[float]) -> list[float]:
    total = sum(weights)
    return [weight / total for weight in weights] if total > 0 else [0.0] * len(weights)
