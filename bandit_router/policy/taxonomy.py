"""Chooses the start by the category of a request, from a table or from means fitted to the log; then thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bandit_router.policy import climb
from bandit_router.policy.averages import Averages
from bandit_router.policy.choice import floored, greedy, model_indices, nearest, one_hot
from bandit_router.policy.sealed import seal, unseal
from bandit_router.policy.spec import TaxonomySpec
from bandit_router.policy.spending import Spending
from bandit_router.policy.verdicts import Verdicts
from bandit_router.protocols import Policy
from bandit_router.types import Action, Context, Event, Pmf, State, Version

TIER = "tier-"


class Taxonomy:
    """The policy of kind `taxonomy` with a table; what the table does not say is left to the fallback."""

    version = "0"

    def __init__(self, spec: TaxonomySpec, fallback: Policy) -> None:
        self.name = spec.name
        self._spec, self._fallback = spec, fallback

    def knows(self, context: Context) -> bool:
        """Return whether the start is chosen here: the category is known, and the request surely is of it."""
        return context.confidence >= self._spec.min_confidence and self._is_known(context.category)

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return 1 for the category's start, then for what the thresholds say; else the fallback's pmf."""
        if not self.knows(state.context):
            pmf = self._fallback.pmf(state, actions)
        else:
            floor = self._spec.min_judging
            pmf = self._known(state, actions)
            pmf = climb.judging(pmf, state, actions, self._spec.thresholds, floor=floor, must_pay=True)
        return pmf if state.history else floored(pmf, actions, self._spec.min_exploration)

    def _known(self, state: State, actions: Sequence[Action]) -> Pmf:
        if any(judged.ok for judged in state.history):
            moved = climb.move(state, actions, self._spec.thresholds)
            return one_hot(len(actions), climb.worth_it(state, actions, moved))
        return self._start(state, actions)

    def _is_known(self, category: str) -> bool:
        return category in self._spec.table

    def _start(self, state: State, actions: Sequence[Action]) -> Pmf:
        """Return the table's model or tier, the fallback's start when it is not at hand; after a failure, go on."""
        if state.history:
            return one_hot(len(actions), climb.move(state, actions, self._spec.thresholds))
        entry = self._spec.table[state.context.category]
        if entry.startswith(TIER) and entry.removeprefix(TIER).isdecimal():
            return one_hot(len(actions), nearest(actions, int(entry.removeprefix(TIER))))
        wanted = [index for index in model_indices(actions) if actions[index].model == entry]
        return one_hot(len(actions), wanted[0]) if wanted else self._fallback.pmf(state, actions)


class FittedTaxonomy(Taxonomy):
    """The policy of kind `taxonomy` with `fit`: the best buy of each category by its means so far."""

    def __init__(
        self, spec: TaxonomySpec, fallback: Policy, *, version: Version | None, learns: Callable[[Event], bool]
    ) -> None:
        """Start from a version's artifact, or cold; `learns` says which events are this policy's to learn from."""
        super().__init__(spec, fallback)
        self.version = str(version.number) if version else "0"
        self._learns = learns
        parts = unseal("taxonomy", version.artifact) if version else {}
        k = spec.shrinkage
        self._averages = Averages.load(parts, shrinkage=k) if parts else Averages(shrinkage=k)
        self._spending = Spending.load(parts) if parts else Spending()
        self._verdicts = Verdicts.load(parts) if parts else Verdicts()

    def learn(self, events: Sequence[Event], /) -> None:
        """Count every answer of known quality, and what it cost; feedback counts as one answer more."""
        for event in filter(self._learns, events):
            self._verdicts.learn(event)
            self._spending.learn(event)
            for step, worth in self._verdicts.worths(event):
                weight = 1.0 if event.feedback is not None else 1 / step.judge_propensity
                self._averages.learn(event.decision.context.category, step.action.model, worth, weight=weight)

    def forget(self, model: str, /) -> None:
        """Let what was counted of a model count for less."""
        self._averages.forget(model)

    def dump(self) -> bytes:
        """Return the artifact: equal states give equal bytes."""
        return seal("taxonomy", {**self._averages.dump(), **self._spending.dump(), **self._verdicts.dump()})

    def _is_known(self, category: str) -> bool:
        return self._averages.answers(category) >= self._spec.min_answers

    def _start(self, state: State, actions: Sequence[Action]) -> Pmf:
        category = state.context.category
        return greedy(
            [
                self._averages.quality(category, action.model)
                - self._spending.cost_usd(category, action) / state.value_usd
                for action in actions
            ]
        )
