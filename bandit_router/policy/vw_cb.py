"""A contextual bandit by Vowpal Wabbit that learns which model to start with, and whether to go on to which."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from bandit_router.policy import climb
from bandit_router.policy.asking import asking, verdict_matters
from bandit_router.policy.choice import floored, model_indices, one_hot
from bandit_router.policy.features import CROSSED_ONLY, INTERACTIONS, action_features, request_features
from bandit_router.policy.lesson import sound, spent, starting_step
from bandit_router.policy.sealed import seal, unseal
from bandit_router.policy.spec import VwCbSpec
from bandit_router.policy.steps import STEP_CROSSED_ONLY, STEP_INTERACTIONS, history_features, step_features
from bandit_router.policy.verdicts import Verdicts
from bandit_router.policy.vowpal import Features, Workspace
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
        parts = unseal("vw_cb", version.artifact) if version else {}
        self._verdicts = Verdicts.load(parts) if parts else Verdicts()
        self._changes: dict[str, int] = json.loads(parts.get("changes", b"{}"))
        self._starts = _workspace(spec, (INTERACTIONS, CROSSED_ONLY), parts.get("starts"))
        crossing = (STEP_INTERACTIONS, STEP_CROSSED_ONLY)
        self._climbs = _workspace(spec, crossing, parts.get("climbs")) if spec.climb == "learned" else None

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return VW's pmf over the models and, once one has answered, stop; or then 1 for what the thresholds say."""
        pmf, spec = self._pmf(state, actions), self._spec
        if self._climbs is None:
            return climb.judging(pmf, state, actions, spec.thresholds, floor=spec.min_judging, must_pay=True)
        return asking(
            pmf,
            actions,
            lambda index: verdict_matters(state, actions, index, higher_only=False, must_pay=True),
            floor=spec.min_judging,
        )

    def _pmf(self, state: State, actions: Sequence[Action]) -> Pmf:
        models = model_indices(actions)
        if not models:
            return one_hot(len(actions), 0)
        if any(judged.ok for judged in state.history):
            return self._climb(state, actions)
        pmf = self._start(state, actions, models)
        return pmf if state.history else floored(pmf, actions, self._spec.min_exploration)

    def learn(self, events: Sequence[Event], /) -> None:
        """Learn every step of an event, in order; an event without a reward is left out, never counted as zero.

        An event of kind `feedback` repeats a decision with its true reward: it is learned as one more outcome of it,
        which pulls the estimate from the judged towards the true one.
        """
        for event in events:
            reward = self._reward(event) if self._learns(event) else None
            if reward is None or not math.isfinite(reward):
                continue
            self._verdicts.learn(event)
            reward += self._verdicts.correction(event)
            self._learn_start(event, reward)
            if self._climbs:
                self._learn_climbs(self._climbs, event, reward)

    def forget(self, model: str, /) -> None:
        """Take a model for a new one from here on: VW keeps no variances that could be widened."""
        self._changes[model] = self._changes.get(model, 0) + 1

    def dump(self) -> bytes:
        """Return the artifact: equal states give equal bytes."""
        climbs = {"climbs": self._climbs.save()} if self._climbs else {}
        changes = {"changes": json.dumps(self._changes).encode()} if self._changes else {}
        return seal("vw_cb", {"starts": self._starts.save(), **climbs, **self._verdicts.dump(), **changes})

    def _known_as(self, action: Action) -> Action:
        """Return an action under the name that VW knows its model by."""
        changes = self._changes.get(action.model)
        return replace(action, model=f"{action.model} ({changes})") if changes else action

    def _start(self, state: State, actions: Sequence[Action], models: Sequence[int]) -> Pmf:
        shared = request_features(state.context, state.value_usd, state.value_s, dims=self._spec.embedding_dims)
        found = self._starts.predict(
            shared, [action_features(self._known_as(actions[i]), state.value_usd) for i in models]
        )
        return _scattered(models, len(actions), found)

    def _climb(self, state: State, actions: Sequence[Action]) -> Pmf:
        if self._climbs is None:
            moved = climb.move(state, actions, self._spec.thresholds)
            return one_hot(len(actions), climb.worth_it(state, actions, moved))
        kept = climb.worthwhile(state, actions)
        return _scattered(kept, len(actions), self._climbs.predict(*self._situation(state, [actions[i] for i in kept])))

    def _situation(self, state: State, actions: Sequence[Action]) -> tuple[Features, list[Features]]:
        request = request_features(state.context, state.value_usd, state.value_s, dims=self._spec.embedding_dims)
        shared = {**request, **history_features(state.history, self._verdicts)}
        return shared, [step_features(self._known_as(action), state.value_usd) for action in actions]

    def _learn_start(self, event: Event, reward: float) -> None:
        step, value = starting_step(event), event.decision.value_usd
        if step is None:
            return
        models = model_indices(step.actions)
        self._starts.learn(
            request_features(event.decision.context, value, event.decision.value_s, dims=self._spec.embedding_dims),
            [action_features(self._known_as(step.actions[i]), value) for i in models],
            chosen=models.index(step.chosen),
            cost=_cost(reward),
        )

    def _learn_climbs(self, workspace: Workspace, event: Event, reward: float) -> None:
        """Learn each step after the first answer by its reward to go: money and time spent before are not its doing."""
        outcome, value, value_s = event.outcome, event.decision.value_usd, event.decision.value_s
        answered = False
        for k, step in enumerate(outcome.steps):
            if answered and sound(step):
                history = outcome.history[:k]
                state = State(context=event.decision.context, value_usd=value, value_s=value_s, history=history)
                shared, actions = self._situation(state, step.actions)
                sunk = spent(history, value_usd=value, value_s=value_s)
                workspace.learn(shared, actions, chosen=step.chosen, cost=_cost(reward + sunk))
            answered = answered or (k < len(outcome.history) and outcome.history[k].ok)


def _scattered(kept: Sequence[int], n: int, found: tuple[Sequence[float], Sequence[float]]) -> Pmf:
    """Return the pmf over n actions of those kept, from their probabilities and predicted costs; 0 elsewhere."""
    probs, costs = (dict(zip(kept, numbers, strict=True)) for numbers in found)
    return Pmf(
        probs=tuple(probs.get(index, 0.0) for index in range(n)),
        predicted=tuple(1 - costs[index] if index in costs else None for index in range(n)),
    )


def _cost(reward: float) -> float:
    """Return VW's cost in [0, 1], good being 0: what is new is predicted to be good, and so tried at once."""
    return min(max(1 - reward, 0.0), 1.0)


def _workspace(spec: VwCbSpec, crossing: tuple[Sequence[str], Sequence[str]], artifact: bytes | None) -> Workspace:
    """Open a workspace that crosses pairs of namespaces, some of which do not count by themselves."""
    squarecb = ["--squarecb", "--gamma_scale", repr(spec.gamma_scale), "--gamma_exponent", repr(spec.gamma_exponent)]
    pairs = [token for pair in crossing[0] for token in ("-q", pair)]
    crossed_only = [token for space in crossing[1] for token in ("--ignore_linear", space)]
    return Workspace(
        model_args=["--cb_explore_adf", *squarecb, "--cb_type", "mtr", "-b", str(spec.bits), *pairs, *crossed_only],
        run_args=["-l", repr(spec.learning_rate), "--power_t", repr(spec.power_t), "--l2", repr(spec.l2)],
        artifact=artifact,
    )
