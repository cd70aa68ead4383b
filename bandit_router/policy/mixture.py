"""Shares requests among policies and reports the exact marginal pmf of every step; it learns nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bandit_router.policy.choice import floored, stop_index
from bandit_router.policy.spec import MixtureSpec
from bandit_router.protocols import Policy
from bandit_router.types import Action, Pmf, State, Step


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
                    weight * _likelihood(component.pmf(past, step.actions), step, past) if weight > 0 else 0.0
                    for weight, component in zip(weights, self._components, strict=True)
                ]
            )
            if not any(weights):
                return list(self._prior)
        return weights


def _likelihood(pmf: Pmf, step: Step, state: State) -> float:
    """Return P(the action drawn, and whether its answer was to be judged) under one component."""
    judge = pmf.judge[step.chosen] if pmf.judge and state.min_quality is None else 1.0
    return pmf.probs[step.chosen] * (judge if step.judged else 1 - judge)


def _mix(weights: Sequence[float], components: Sequence[Policy], state: State, actions: Sequence[Action]) -> Pmf:
    parts = [(w, part.pmf(state, actions)) for w, part in zip(weights, components, strict=True) if w > 0]
    probs = _normalised([sum(w * pmf.probs[index] for w, pmf in parts) for index in range(len(actions))])
    predicted = tuple(
        _mean([(w, pmf.predicted[index]) for w, pmf in parts if pmf.predicted]) for index in range(len(actions))
    )
    return Pmf(
        probs=tuple(probs),
        predicted=predicted if any(value is not None for value in predicted) else (),
        judge=_judge(parts, len(actions)),
        serve=_serve(parts, stop_index(actions)),
    )


def _judge(parts: Sequence[tuple[float, Pmf]], n: int) -> tuple[float, ...]:
    """Return P(judged | action): the components' own, each by how probable it is given the action; empty for always."""
    if not any(pmf.judge for _, pmf in parts):
        return ()
    chances = []
    for index in range(n):
        pairs = [(w * pmf.probs[index], pmf.judge[index] if pmf.judge else 1.0) for w, pmf in parts]
        chance = _mean(pairs) if any(weight > 0 for weight, _ in pairs) else 1.0
        chances.append(min(chance or 0.0, 1.0))
    return tuple(chances)


def _serve(parts: Sequence[tuple[float, Pmf]], stop: int | None) -> int | None:
    """Return which answer to serve: as says the component that most probably is the one stopping."""
    if stop is None:
        return None
    return max(parts, key=lambda part: part[0] * part[1].probs[stop])[1].serve


def _mean(pairs: Sequence[tuple[float, float | None]]) -> float | None:
    """Return the weighted mean of the predictions there are, None when there are none."""
    known = [(weight, value) for weight, value in pairs if value is not None]
    total = sum(weight for weight, _ in known)
    return sum(weight * value for weight, value in known) / total if known else None


def _normalised(weights: Sequence[float]) -> list[float]:
    total = sum(weights)
    return [weight / total for weight in weights] if total > 0 else [0.0] * len(weights)
