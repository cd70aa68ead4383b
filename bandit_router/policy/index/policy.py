"""Starts, goes on, stops and judges by one number a model, and learns what that takes; it draws nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.choice import model_indices, one_hot
from bandit_router.policy.index.decide import (
    NOTHING,
    Belief,
    Tried,
    difficulty,
    floored,
    lookahead,
    reservations,
    square_cb,
)
from bandit_router.policy.index.knowledge import Knowledge
from bandit_router.policy.index.predictor import NODES, OWN, logistic, price_priors
from bandit_router.policy.index.space import Vector
from bandit_router.policy.index.state import dump, load
from bandit_router.policy.spec import IndexSpec
from bandit_router.types import Action, Context, Event, Judged, Pmf, State, Version

DEPTH: Final = 2
"""How many calls `lookahead` looks ahead."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What a context says of every model seen before: logits, and bills over list prices; and of a new one."""

    context: Context
    unseen: float
    logits: Vector
    ratios: Vector
    tried: dict[int, tuple[Judged, Tried]]
    """By place: answers looked at before, so that a step does not look at them all again."""


class IndexPolicy:
    """The policy of kind `index`: Pandora's rule (Weitzman, 1979) on learned predictions, verdicts and prices."""

    def __init__(self, spec: IndexSpec, *, version: Version | None, learns: Callable[[Event], bool]) -> None:
        """Start from a version's artifact, or cold; `learns` says which events are this policy's to learn from."""
        self.name = spec.name
        self.version = str(version.number) if version else "0"
        self._spec, self._learns = spec, learns
        self._known = (
            load(version.artifact, dims=spec.embedding_dims) if version else Knowledge(dims=spec.embedding_dims)
        )
        self._reading: Reading | None = None

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return SquareCB's pmf over net values, P(judging) by what a verdict may change, and the best answer."""
        models = model_indices(actions)
        places = [place for place, judged in enumerate(state.history) if judged.ok]
        reading, priors = self._read(state.context), self._priors(state, actions)
        tried = [self._tried(state, place, reading, priors) for place in places]
        now = difficulty(tried)
        worth = [float(now @ one.posterior) for one in tried]
        serve = places[int(np.argmax(worth))] if worth else None
        best = max(worth, default=NOTHING)
        if not models:
            return one_hot_serving(len(actions), serve, best - self._sunk(state))
        belief = self._belief(state, [actions[i] for i in models], reading, priors, now, best)
        return self._shape(state, actions, models, belief, serve)

    def learn(self, events: Sequence[Event], /) -> None:
        """Learn from each event in turn: verdicts and bills when it is finished, feedback when it comes."""
        for event in events:
            if self._learns(event):
                self._reading = None
                self._known.learn(event)

    def dump(self) -> bytes:
        """Return the artifact: equal states give equal bytes."""
        return dump(self._known)

    def _read(self, context: Context) -> Reading:
        """Return what the context says; the steps of one cascade ask for the same one after the other."""
        reading = self._reading
        if reading is None or reading.context is not context:
            point = self._known.space.point(context)
            unseen, logits = self._known.predictor.logits(point.x)
            ratios = self._known.prices.ratios(point.f)
            reading = self._reading = Reading(context=context, unseen=unseen, logits=logits, ratios=ratios, tried={})
        return reading

    def _priors(self, state: State, actions: Sequence[Action]) -> Mapping[str, float]:
        """Return what the prices promise of models that were never tried; empty when all were."""
        offered = state.steps[0].actions if state.steps else actions
        rows = self._known.predictor.rows
        if all(action.model in rows for action in offered) and all(action.model in rows for action in actions):
            return {}
        return price_priors({action.model: action.cost_usd for action in (*offered, *actions) if not action.is_stop})

    def _logit(self, model: str, reading: Reading, priors: Mapping[str, float]) -> float:
        row = self._known.predictor.rows.get(model)
        return reading.unseen + priors.get(model, 0.0) if row is None else float(reading.logits[row])

    def _tried(self, state: State, place: int, reading: Reading, priors: Mapping[str, float]) -> Tried:
        judged = state.history[place]
        if (found := reading.tried.get(place)) is not None and found[0] is judged:
            return found[1]
        score = self._known.verdicts.score(judged.judgement) if judged.judgement else None
        tried = self._known.tried(self._logit(judged.attempt.model, reading, priors), score)
        reading.tried[place] = (judged, tried)
        return tried

    def _belief(
        self,
        state: State,
        models: Sequence[Action],
        reading: Reading,
        priors: Mapping[str, float],
        now: Vector,
        best: float,
    ) -> Belief:
        prices, known = self._known.prices, self._known
        logits = np.array([self._logit(action.model, reading, priors) for action in models])
        rows = [prices.rows.get(action.model) for action in models]
        ratios = [1.0 if row is None else float(reading.ratios[row]) for row in rows]
        listed = [prices.listed(action.cost_usd) for action in models]
        return Belief(
            good=logistic((logits + known.verdicts.level)[:, None] + known.predictor.loading * NODES),
            difficulty=now,
            cost=np.array(listed) * np.array(ratios) / state.value_usd,
            judging=prices.judging / state.value_usd,
            best=best,
        )

    def _shape(
        self, state: State, actions: Sequence[Action], models: Sequence[int], belief: Belief, serve: int | None
    ) -> Pmf:
        spec, channel = self._spec, self._known.verdicts.channel
        index, left = reservations(belief, channel), self._left(state)
        judged, blind = lookahead(belief, channel, index, last=left == 1)
        sunk = self._sunk(state)
        values, predicted = np.full(len(actions), belief.best), np.full(len(actions), belief.best - sunk)
        worth = np.maximum(judged, blind)
        # The indices are optimal as long as one may go on; near the end of the attempts looking ahead is exact.
        values[models], predicted[models] = worth if left <= DEPTH else index, worth - sunk
        probs = square_cb(values, self._gammas(actions, models))
        if not state.history:
            explored = np.zeros(len(actions), dtype=bool)
            explored[models] = belief.cost <= spec.exploration_ceiling
            probs = floored(probs, explored, spec.min_exploration)
        asked = np.zeros(len(actions))
        asked[models] = np.where(judged > blind, 1.0, self._curiosity([actions[i] for i in models]))
        return Pmf(
            probs=tuple(probs.tolist()), predicted=tuple(predicted.tolist()), judge=tuple(asked.tolist()), serve=serve
        )

    def _gammas(self, actions: Sequence[Action], models: Sequence[int]) -> Vector:
        """Return SquareCB's gamma by action: the better a model is known, the less is it taken against its value."""
        spec, doubts = self._spec, np.array([self._known.predictor.doubt(actions[i].model) for i in models])
        known = spec.gamma_scale * (OWN[0] / doubts) ** spec.gamma_exponent
        gammas = np.full(len(actions), known.max())
        gammas[models] = known
        return gammas

    def _curiosity(self, models: Sequence[Action]) -> NDArray[np.float64]:
        """Return P(judging) where the verdict changes nothing now, but would teach: more, the less a model is known."""
        doubts = np.array([self._known.predictor.doubt(action.model) for action in models])
        return np.clip(self._spec.judge_curiosity * doubts, self._spec.min_judging, 1.0)

    def _left(self, state: State) -> int:
        """Return how many answers may still be had."""
        answered = sum(judged.ok for judged in state.history)
        return sys.maxsize if state.max_attempts is None else max(state.max_attempts - answered, 1)

    def _sunk(self, state: State) -> float:
        """Return what the attempts so far cost, in units of the dial."""
        return sum(judged.cost_usd for judged in state.history) / state.value_usd


def one_hot_serving(n: int, serve: int | None, value: float) -> Pmf:
    """Return the pmf when nothing but stopping is left."""
    return Pmf(probs=one_hot(n, 0).probs, predicted=(value,) * n, serve=serve)
