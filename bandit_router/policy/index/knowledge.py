"""Holds all that an index policy has learned, and learns it from events; it chooses nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bandit_router.policy.index.decide import Tried, difficulty
from bandit_router.policy.index.heard import Heard
from bandit_router.policy.index.kinship import Kinship, Prior, Profile, profiles, promised
from bandit_router.policy.index.newcomers import Newcomers
from bandit_router.policy.index.paces import Paces
from bandit_router.policy.index.predictor import (
    NODES,
    Predictor,
    logistic,
)
from bandit_router.policy.index.prices import Prices
from bandit_router.policy.index.space import Point, Space, Vector
from bandit_router.policy.index.verdicts import Verdicts
from bandit_router.policy.lesson import answers, served, spent
from bandit_router.types import STOP, Action, Event, Judged, Step

CAUTION: Final = 0.8
"""Share of the information of an observation that is counted: a posterior narrower than the model is true misleads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One answer of an event: the model, the probabilities before its verdict, the verdict as a normal score."""

    judged: Judged
    tried: Tried
    score: float | None
    p: float
    """P(good) by the context and the verdicts before."""

    @property
    def model(self) -> str:
        """The model's name."""
        return self.judged.attempt.model


class Knowledge:
    """The state of an index policy: the space of contexts, predictions, verdicts, prices, paces."""

    def __init__(self, *, dims: int) -> None:
        self.space, self.predictor = Space(dims=dims), Predictor()
        self.verdicts, self.prices, self.paces = Verdicts(), Prices(), Paces()
        self.events = 0.0
        self.newcomers = Newcomers()
        self.heard = Heard()
        self.kinship: Kinship | None = None
        """What was learned tells of models to come; None until it is asked for."""

    def learn(self, event: Event) -> None:
        """Learn from a finished event its verdicts and bills, then from any event with feedback that."""
        found = list(answers(event))
        if not found:
            return
        if event.kind == "finished":
            self._learn_finished(event, found)
        if event.truth is not None:
            self._learn_feedback(event, found)
        self.kinship = None

    def good(self, logit: float | Vector) -> Vector:
        """Return P(good | difficulty) (..., d) at logits (...) for difficulty 0."""
        level = self.verdicts.level * self.predictor.stretch
        return logistic(np.asarray(logit)[..., None] + level + self.predictor.loading * NODES)

    def tried(self, good: Vector, score: float | None) -> Tried:
        """Return what is known of an answer from P(good | difficulty) (d) before, and its verdict's score."""
        said = None if score is None else self.verdicts.log_likelihood(score, good)
        return Tried(good=good, posterior=self.verdicts.posterior(score, good), log_likelihood=said)

    def priors(self, known: Mapping[str, Profile]) -> Mapping[str, Prior]:
        """Return what to expect of models not seen; kin tell of those that came late, as all others came together."""
        late = {model for model in known if self.newcomers.is_late(model, events=self.events)}
        if late and self.kinship is None:
            self.kinship = self.predictor.kinship()
        return {
            model: self.kinship.prior(profile) if self.kinship and model in late else promised(profile)
            for model, profile in known.items()
        }

    def _learn_finished(self, event: Event, found: Sequence[tuple[Step, Judged]]) -> None:
        self.events += 1
        self.space.note(event.decision.context)
        self._meet(event.decision.step.actions, found)
        point = self.space.point(event.decision.context)
        for _, judged in found:
            if judged.judgement is not None:
                self.prices.note_judging(judged.judgement.cost_usd)
                self.paces.judging.note(judged.latency_s - judged.attempt.latency_s)
        # A probe is learned in the light of what was answered to the user: a poor answer to a hard request says little.
        beside = self.heard.of(event.decision.parent)
        seen, now = self._seen(point, found, beside)
        if event.decision.kind == "served":
            said = [one.tried.log_likelihood for one in seen if one.tried.log_likelihood is not None]
            self.heard.note(event.decision.id, said)
        self._account(event, seen, now)
        for one, (step, judged) in zip(seen, found, strict=True):
            listed = self.prices.listed(step.action.cost_usd)
            self.prices.note_bill(one.model, point.f, listed=listed, paid=judged.attempt.cost_usd, space=self.space)
            self.paces.note(one.model, judged.attempt.latency_s)
            if judged.judgement is not None and one.score is not None:
                self.verdicts.saw(judged.judgement, self._unshifted(one.p))
        if any(one.score is not None for one in seen):
            self.predictor.age()
        self._learn_verdicts(point, seen, now, before=difficulty([], beside))

    def _account(self, event: Event, seen: Sequence[Seen], now: Vector) -> None:
        """Enter what calling a newcomer came to, beside what was predicted of the best of the others just before."""
        known, offered, steps = self.newcomers, event.decision.step.actions, event.outcome.steps
        known.meet([action.model for action in offered if not action.is_stop], events=self.events)
        step = next((step for step in steps if step.action.model in known.accounts), steps[0])
        others = [
            predicted
            for action, predicted in zip(step.actions, step.pmf.predicted, strict=False)
            if predicted is not None and action.model not in known.accounts
        ]
        model = step.action.model
        if event.decision.kind == "probe":
            known.vouch(model)
        elif others:
            quality = max(float(now.dot(one.tried.posterior)) for one in seen)
            took = spent(event.outcome.history, value_usd=event.decision.value_usd, value_s=event.decision.value_s)
            gain = quality - took - max(others)
            known.settle(model, gain)

    def _meet(self, offered: Sequence[Action], found: Sequence[tuple[Step, Judged]]) -> None:
        """Make room for the models that answered, starting from what is known of them and of their kin."""
        actions = {action.model: action for action in (*offered, *(step.action for step, _ in found))}
        actions.pop(STOP, None)
        known = profiles(actions, dict.fromkeys(step.action.model for step, _ in found))
        new = {name: profile for name, profile in known.items() if name not in self.predictor.rows}
        priors = self.priors(new) if new else {}
        self.predictor.grow(self.space, {name: (profile, priors[name]) for name, profile in new.items()})
        if len(actions) > 1:
            self.predictor.relate(known)

    def _seen(
        self, point: Point, found: Sequence[tuple[Step, Judged]], beside: Vector | None = None
    ) -> tuple[list[Seen], Vector]:
        """Return the answers in turn, and P(difficulty | their verdicts)."""
        _, logits = self.predictor.logits(point)
        before = self.good(logits[[self.predictor.rows[step.action.model] for step, _ in found]])
        seen: list[Seen] = []
        now = difficulty([], beside)
        for (_, judged), good in zip(found, before, strict=True):
            score = self.verdicts.score(judged.judgement) if judged.judgement else None
            seen.append(Seen(judged=judged, tried=self.tried(good, score), score=score, p=float(good.dot(now))))
            if score is not None:
                now = difficulty([one.tried for one in seen], beside)
        return seen, now

    def _learn_verdicts(self, point: Point, seen: Sequence[Seen], now: Vector, *, before: Vector) -> None:
        """Take one step of expectation maximisation: each answer's posterior is its soft label.

        `now` is P(difficulty | all verdicts), `before` that without those on these answers.
        """
        judged = [one for one in seen if one.score is not None]
        expected = [float(before.dot(one.tried.good)) for one in judged]
        for one, p in zip(judged, expected, strict=True):
            error = one.tried.posterior - one.tried.good
            information = CAUTION * self.verdicts.information(p)
            self.predictor.step(one.model, point, gradient=float(now.dot(error)), information=information)
        if len(judged) > 1:
            # More is tried where the first verdict is poor: what it says by itself would look like a common cause.
            self.predictor.load_more(_pull(judged) - _pull(judged[:1]))
            self.verdicts.compare(np.array([one.score for one in judged]), np.array(expected))

    def _learn_feedback(self, event: Event, found: Sequence[tuple[Step, Judged]]) -> None:
        """Learn the truth about the answer served, beyond what its verdict told."""
        truth, answer = event.truth, served(event)
        if truth is None or answer is None or not all(step.action.model in self.predictor.rows for step, _ in found):
            return
        point = self.space.point(event.decision.context)
        seen, _ = self._seen(point, found)
        place = next(i for i, one in enumerate(seen) if one.judged is answer)
        one, others = seen[place], [other.tried for i, other in enumerate(seen) if i != place]
        self.verdicts.labels += 1
        if one.score is not None:
            p = float(one.tried.good @ difficulty(others))
            self.verdicts.label(one.score, self._unshifted(p), truth)
        good = one.tried.posterior
        now = difficulty([other.tried for other in seen]) * (truth * good + (1 - truth) * (1 - good))
        now /= now.sum()
        p = float(now @ one.tried.good)
        told = self.verdicts.information(p) if one.score is not None else 0.0
        information = CAUTION * max(p * (1 - p) - told, 0.0)
        self.predictor.step(one.model, point, gradient=truth - float(now @ good), information=information)

    def _unshifted(self, p: float) -> float:
        """Return a probability as it would be without the shift in level that feedback taught."""
        held = min(max(p, 0.01), 0.99)
        return 1 / (1 + math.exp(self.verdicts.level - math.log(held / (1 - held))))


def _pull(judged: Sequence[Seen]) -> float:
    """Return the slope of the log likelihood of verdicts in the loading."""
    now = difficulty([one.tried for one in judged]) * NODES
    return sum(float(now @ (one.tried.posterior - one.tried.good)) for one in judged)
