"""The learned router of the literature: predicts each model's quality and takes the best buy; climbs only if told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bandit_router.policy import climb
from bandit_router.policy.asking import asking
from bandit_router.policy.choice import even, floored, greedy, model_indices, one_hot, stop_index
from bandit_router.policy.predictor import Predictor
from bandit_router.policy.sealed import seal, unseal
from bandit_router.policy.spec import LearnedSpec
from bandit_router.policy.spending import Spending
from bandit_router.policy.verdicts import Verdicts
from bandit_router.types import Action, Event, Pmf, State, Version


class Learned:
    """The policy of kind `learned`: greedy over predicted quality - cost / value_usd, like RouteLLM for many models."""

    def __init__(self, spec: LearnedSpec, *, version: Version | None, learns: Callable[[Event], bool]) -> None:
        """Start from a version's artifact, or cold; `learns` says which events are this policy's to learn from."""
        self.name = spec.name
        self.version = str(version.number) if version else "0"
        self._spec, self._learns = spec, learns
        parts = unseal("learned", version.artifact) if version else {}
        dims = spec.embedding_dims
        self._predictor = Predictor.load(parts, dims=dims) if parts else Predictor(dims=dims)
        self._spending = Spending.load(parts) if parts else Spending()
        self._verdicts = Verdicts.load(parts) if parts else Verdicts()

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return 1 for the best buy, evenly over the models before enough was learned; then for stop or the climb.

        While there is too little to choose by, every answer is judged.
        """
        pmf, floor = self._pmf(state, actions), self._spec.min_judging
        if self._predictor.answers < self._spec.warm_up:
            return pmf
        if self._spec.climb:
            return climb.judging(pmf, state, actions, self._spec.thresholds, floor=floor, must_pay=True)
        return asking(pmf, actions, lambda _: False, floor=floor)

    def _pmf(self, state: State, actions: Sequence[Action]) -> Pmf:
        models, stop = model_indices(actions), stop_index(actions)
        if not models:
            return one_hot(len(actions), 0)
        if any(judged.ok for judged in state.history):
            if self._spec.climb:
                moved = climb.move(state, actions, self._spec.thresholds)
                return one_hot(len(actions), climb.worth_it(state, actions, moved))
            if stop is not None:
                return one_hot(len(actions), stop)
        pmf = self._best_buy(state, actions)
        return pmf if state.history else floored(pmf, actions, self._spec.min_exploration)

    def learn(self, events: Sequence[Event], /) -> None:
        """Learn every answer of known quality, and what it cost; feedback counts as one answer more."""
        for event in filter(self._learns, events):
            self._verdicts.learn(event)
            self._spending.learn(event)
            for step, worth in self._verdicts.worths(event):
                self._predictor.learn(event.decision.context, step.action, worth)

    def forget(self, model: str, /) -> None:
        """Doubt what was learned of a model."""
        self._predictor.forget(model)

    def dump(self) -> bytes:
        """Return the artifact: equal states give equal bytes."""
        return seal("learned", {**self._predictor.dump(), **self._spending.dump(), **self._verdicts.dump()})

    def _best_buy(self, state: State, actions: Sequence[Action]) -> Pmf:
        if self._predictor.answers < self._spec.warm_up:
            return even(actions)
        qualities = self._predictor.qualities(state.context, list(actions))
        category = state.context.category
        return greedy(
            [
                None if action.is_stop else quality - self._spending.cost_usd(category, action) / state.value_usd
                for action, quality in zip(actions, qualities, strict=True)
            ]
        )
