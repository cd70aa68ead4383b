"""Starts, goes on, stops and judges by one number a model, and learns what that takes; it draws nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.choice import model_indices, one_hot
from bandit_router.policy.index.decide import (
    MOST_HOPED,
    NOTHING,
    Belief,
    Tried,
    difficulty,
    floored,
    hoped,
    lookahead,
    reservations,
    square_cb,
    wondered,
)
from bandit_router.policy.index.kinship import Prior
from bandit_router.policy.index.knowledge import Knowledge
from bandit_router.policy.index.newcomers import trickled
from bandit_router.policy.index.predictor import OWN
from bandit_router.policy.index.reading import Offer, logit, offer, read
from bandit_router.policy.index.space import Vector, highest
from bandit_router.policy.index.state import dump, load
from bandit_router.policy.lesson import spent
from bandit_router.policy.spec import IndexSpec
from bandit_router.types import Action, Event, Pmf, State, Version

DEPTH: Final = 2
"""How many calls `lookahead` looks ahead."""
FAR: Final = 10.0
"""How far below all others a model is put that may not be chosen for its value."""


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
        self._offer: Offer | None = None

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return SquareCB's pmf over net values, P(judging) by what a verdict may change, and the best answer."""
        models = model_indices(actions)
        places = [place for place, judged in enumerate(state.history) if judged.ok]
        offered = self._offered(state, actions)
        tried = [self._tried(state, place, offered) for place in places]
        now = difficulty(tried)
        worth = [float(now.dot(one.posterior)) for one in tried]
        top = worth.index(max(worth)) if worth else None
        serve, hand = (None, None) if top is None else (places[top], tried[top].posterior)
        if not models:
            return one_hot_serving(len(actions), serve, max(worth, default=NOTHING) - self._sunk(state))
        belief = self._belief(state, [actions[i] for i in models], offered, now, hand)
        return self._shape(state, actions, models, belief, serve)

    def learn(self, events: Sequence[Event], /) -> None:
        """Learn from each event in turn: verdicts and bills when it is finished, feedback when it comes."""
        for event in events:
            if self._learns(event):
                self._offer = None
                self._known.learn(event)

    def forget(self, model: str, /) -> None:
        """Doubt what was learned of a model: its own weights move as far again as a newcomer's at first."""
        self._offer = self._known.kinship = None
        self._known.predictor.doubt_again(model, self._known.space)

    def dump(self) -> bytes:
        """Return the artifact: equal states give equal bytes."""
        return dump(self._known)

    def _offered(self, state: State, actions: Sequence[Action]) -> Offer:
        """Return what is believed of the models offered; the steps of one cascade ask for the same, one by one."""
        all_of_them = (*state.steps[0].actions, *actions) if state.steps else actions
        models = {action.model: action for action in all_of_them if not action.is_stop}
        last = self._offer
        if last is None or last.reading.context is not state.context:
            reading = read(self._known, state.context)
        elif last.models == models:
            return last
        else:
            reading = last.reading
        self._offer = offer(self._known, reading, models)
        return self._offer

    def _tried(self, state: State, place: int, offered: Offer) -> Tried:
        judged = state.history[place]
        if (found := offered.tried.get(place)) is not None and found[0] is judged:
            return found[1]
        score = self._known.verdicts.score(judged.judgement) if judged.judgement else None
        model = judged.attempt.model
        # A model that answered may be neither learned nor offered any more.
        good = (
            offered.good[offered.places[model]]
            if model in offered.places
            else self._known.good(logit(self._known, offered.reading, model, Prior()))
        )
        tried = self._known.tried(good, score)
        offered.tried[place] = (judged, tried)
        return tried

    def _belief(
        self, state: State, models: Sequence[Action], offered: Offer, now: Vector, hand: Vector | None
    ) -> Belief:
        known, places = self._known, np.array([offered.places[action.model] for action in models])
        cost, judging = offered.cost_usd[places] / state.value_usd, known.prices.judging / state.value_usd
        if state.value_s:
            cost += np.array([known.paces.expected(action.model) for action in models]) / state.value_s
            judging += known.paces.judging.mean / state.value_s
        return Belief(
            good=offered.good[places],
            difficulty=now,
            cost=cost,
            judging=judging,
            hand=hand,
            channel=known.verdicts.channel,
            doubt=offered.doubt[places],
            ignorance=offered.ignorance[places],
        )

    def _shape(
        self, state: State, actions: Sequence[Action], models: Sequence[int], belief: Belief, serve: int | None
    ) -> Pmf:
        spec, places, n = self._spec, np.array(models), len(actions)
        index, left, sunk = reservations(belief), self._left(state), self._sunk(state)
        judged, blind = lookahead(belief, index, last=left == 1)
        worth = np.maximum(judged, blind)
        # The indices are optimal as long as one may go on; near the end of the attempts looking ahead is exact.
        values = _spread(worth if left <= DEPTH else index, places, n, belief.best)
        cost = _spread(belief.cost, places, n, 0.0)
        shut = self._known.newcomers.shut([action.model for action in actions], values, cost)
        if shut is not None:
            values = np.where(shut, values.min() - FAR, values)
        gammas = spec.gamma_scale * (OWN[0] / belief.doubt) ** spec.gamma_exponent
        probs = square_cb(values, _spread(gammas, places, n, highest(gammas)))
        if not state.history:
            behind = np.maximum(highest(worth) - worth, highest(blind) - blind)
            probs = self._curious(probs, actions, places, belief, behind=behind, shut=shut)
        if shut is not None:
            probs = trickled(probs, shut, cost)
        asked = self._teaching(probs[places], belief.doubt)
        # At best half of the hope remains where judging does not pay, so it cannot raise what is asked more often.
        hopes = not state.history and self._known.verdicts.labels > 0
        if hopes and np.count_nonzero((judged <= blind) & (asked < MOST_HOPED)):
            wishful = replace(belief, channel=self._known.verdicts.hopeful)
            hope, _ = lookahead(wishful, last=left == 1)
            asked = np.maximum(asked, hoped(judged, blind, hope))
        asked[judged > blind] = 1.0
        asked = _spread(asked, places, n, 0.0)
        predicted = _spread(worth - sunk, places, n, belief.best - sunk)
        return Pmf(
            probs=tuple(probs.tolist()), predicted=tuple(predicted.tolist()), judge=tuple(asked.tolist()), serve=serve
        )

    def _curious(
        self,
        probs: Vector,
        actions: Sequence[Action],
        places: NDArray[np.intp],
        belief: Belief,
        *,
        behind: Vector,
        shut: NDArray[np.bool_] | None,
    ) -> Vector:
        """Return the pmf of a start with what is added to find out what is not known, and to keep what is known fresh.

        `behind` says how far each model is below the best, as a start and by itself: a poor start that is mended by
        going on comes close to the best one, and is none the better for that.
        """
        spec, n = self._spec, len(actions)
        spreads = _spread(np.sqrt(belief.ignorance) * belief.p * (1.0 - belief.p), places, n, 0.0)
        gaps = _spread(behind, places, n, np.inf)
        explored = _spread(belief.cost, places, n, np.inf) <= spec.exploration_ceiling
        late = self._known.newcomers.late([action.model for action in actions])
        if late is not None:
            gaps = np.where(late, np.inf, gaps)
        if shut is not None:
            gaps, explored = np.where(shut, np.inf, gaps), explored & ~shut
        return floored(wondered(probs, gaps, spreads, spec.thompson_share), explored, spec.min_exploration)

    def _teaching(self, probs: Vector, doubts: Vector) -> Vector:
        """Return how often each model is judged where the verdict changes nothing now, as it would still teach.

        More, the less a model is known. Trying what is thought worse teaches nothing unless one looks: the more rarely
        a model is taken, the more often it is judged.
        """
        rarely = self._spec.min_judging / np.maximum(probs, self._spec.min_judging)
        return np.minimum(np.maximum(self._spec.judge_curiosity * doubts, rarely), 1.0)

    def _left(self, state: State) -> int:
        """Return how many answers may still be had."""
        answered = sum(judged.ok for judged in state.history)
        return sys.maxsize if state.max_attempts is None else max(state.max_attempts - answered, 1)

    def _sunk(self, state: State) -> float:
        """Return what the attempts so far cost, in units of the dials."""
        return spent(state.history, value_usd=state.value_usd, value_s=state.value_s)


def _spread(values: Vector, places: NDArray[np.intp], n: int, otherwise: float) -> Vector:
    """Return n numbers: these at their places, and what it is otherwise."""
    if len(values) == n:
        return values
    spread = np.empty(n)
    spread.fill(otherwise)
    spread[places] = values
    return spread


def one_hot_serving(n: int, serve: int | None, value: float) -> Pmf:
    """Return the pmf when nothing but stopping is left."""
    return Pmf(probs=one_hot(n, 0).probs, predicted=(value,) * n, serve=serve)
