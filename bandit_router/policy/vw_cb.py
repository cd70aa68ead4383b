"""A contextual bandit that learns which model to start with, by Vowpal Wabbit; climbing is left to the thresholds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from bandit_router.policy import climb
from bandit_router.policy.choice import floored, model_indices, one_hot
from bandit_router.policy.features import CROSSED_ONLY, INTERACTIONS, action_features, request_features
from bandit_router.policy.lesson import starting_step
from bandit_router.policy.spec import VwCbSpec
from bandit_router.policy.vowpal import Workspace
from bandit_router.types import Action, Event, Pmf, State, Version

RewardOf = Callable[[Event], float | None]
"""The reward of a whole event, in [-1, 1]; None while it is not observed."""


class VwCb:
    """The policy of kind `vw_cb`: SquareCB (Foster and Rakhlin, 2020) over a linear regression of cost = 1 - reward."""

    def __init__(
        self, spec: VwCbSpec, *, version: Version | None, reward: RewardOf, learns: Callable[[Event], bool]
    ) -> None:
        """Start from a version's artifact, or cold; `learns` says which events are this policy's to learn from."""
        self.name = spec.name
        self.version = str(version.number) if version else "0"
        self._spec, self._reward, self._learns = spec, reward, learns
        self._vw = Workspace(
            model_args=_model_args(spec), run_args=_run_args(spec), artifact=version.artifact if version else None
        )

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return VW's pmf over the models until one has answered, then 1 for what the thresholds say."""
        models = model_indices(actions)
        if not models:
            return one_hot(len(actions), 0)
        if any(judged.ok for judged in state.history):
            return one_hot(
                len(actions), climb.worth_it(state, actions, climb.move(state, actions, self._spec.thresholds))
            )
        pmf = self._start(state, actions, models)
        return pmf if state.history else floored(pmf, actions, self._spec.min_exploration)

    def learn(self, events: Sequence[Event], /) -> None:
        """Learn one start an event, in order; an event without a reward is left out, never counted as zero.

        An event of kind `feedback` repeats a decision with its true reward: it is learned as one more outcome of it,
        which pulls the estimate from the judged towards the true one.
        """
        for event in events:
            reward = self._reward(event) if self._learns(event) else None
            if reward is not None and math.isfinite(reward):
                self._learn_start(event, reward)

    def dump(self) -> bytes:
        """Return the artifact: equal states give equal bytes."""
        return self._vw.save()

    def _start(self, state: State, actions: Sequence[Action], models: Sequence[int]) -> Pmf:
        shared = request_features(state.context, state.value_usd, dims=self._spec.embedding_dims)
        probs, costs = self._vw.predict(shared, [action_features(actions[i], state.value_usd) for i in models])
        found = dict(zip(models, zip(probs, costs, strict=True), strict=True))
        return Pmf(
            probs=tuple(found[i][0] if i in found else 0.0 for i in range(len(actions))),
            predicted=tuple(1 - found[i][1] if i in found else None for i in range(len(actions))),
        )

    def _learn_start(self, event: Event, reward: float) -> None:
        step, value = starting_step(event), event.decision.value_usd
        if step is None:
            return
        models = model_indices(step.actions)
        self._vw.learn(
            request_features(event.decision.context, value, dims=self._spec.embedding_dims),
            [action_features(step.actions[i], value) for i in models],
            chosen=models.index(step.chosen),
            cost=min(max(1 - reward, 0.0), 1.0),
        )


def _model_args(spec: VwCbSpec) -> list[str]:
    squarecb = ["--squarecb", "--gamma_scale", repr(spec.gamma_scale), "--gamma_exponent", repr(spec.gamma_exponent)]
    interactions = [token for pair in INTERACTIONS for token in ("-q", pair)]
    crossed_only = [token for space in CROSSED_ONLY for token in ("--ignore_linear", space)]
    return ["--cb_explore_adf", *squarecb, "--cb_type", "mtr", "-b", str(spec.bits), *interactions, *crossed_only]


def _run_args(spec: VwCbSpec) -> list[str]:
    return ["-l", repr(spec.learning_rate), "--power_t", repr(spec.power_t), "--l2", repr(spec.l2)]
