"""Says what to expect of a model never tried, from its price, its stated scores and its kin; it keeps nothing.

A model's own weights are what its price and stated scores promise of the constant, a regression on features that models
share (who made it, its line, price, size, stated scores), and what is its own: Bayesian linear regression over models,
whose data are their weights as learned so far. At least half of the variance is a model's own, so that a newcomer is
always doubted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from bandit_router.policy.index.space import Vector
from bandit_router.types import Action

VARIANCE: Final = 0.5
"""The variance of how one model's constant departs from what is promised of it, in logits."""
LEVEL: Final = 0.5
"""The same for how all models do together."""
PRICED: Final = 0.06
SCORED: Final = 0.06
FAMILY: Final = 0.06
LINE: Final = 0.04
SIZED: Final = 0.03
"""What price, stated scores, maker, line and size explain of VARIANCE at most: half of it, together."""
PRICE: Final = 0.25
"""Logits by which a model is expected to be better for each e-fold of its price."""
SCORE: Final = 1.4
"""The same for each logit of a stated score: among queries of one difficulty models differ by more than in all."""
LEAST: Final = 1.0
"""A model of which answers told less than this, as the precision of its own constant, tells nothing of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known of a model before it answers.

    `price` is the log of its expected price less the mean of those offered with it, `promise` by how many logits price
    and stated scores say that it is better than they are, `scores` the logits of stated scores by benchmark.
    """

    price: float = 0.0
    promise: float = 0.0
    family: str | None = None
    line: str | None = None
    size_b: float | None = None
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """What is known of a model since it answered: its own weights, the first of which is the constant, in logits."""

    profile: Profile
    own: Vector
    variance: float
    """Of the constant."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prior:
    """What to expect of a model's own weights, and the variance of its constant."""

    own: Vector = field(default_factory=lambda: np.zeros(1))
    """As many as the models had that it was learned from; of others nothing is expected."""
    variance: float = VARIANCE

    def logit(self, x: Vector) -> float:
        """Return how far a model should be from the others in a context, in logits."""
        return float(self.own @ x[: len(self.own)])


class Kinship:
    """The regression over models that answers told of; without any, a prior is what is promised."""

    def __init__(self, told: Sequence[Told] = ()) -> None:
        self._sizes = _mean([math.log(one.profile.size_b) for one in told if one.profile.size_b])
        scores: dict[str, list[float]] = {}
        for one in told:
            for benchmark, score in one.profile.scores.items():
                scores.setdefault(benchmark, []).append(score)
        self._scores = {benchmark: _mean(found) for benchmark, found in scores.items()}
        features = [self._features(one.profile) for one in told]
        self._columns = {name: place for place, name in enumerate(dict.fromkeys(n for each in features for n in each))}
        x = np.array([self._row(each) for each in features]).reshape(len(told), len(self._columns))
        left = np.array([one.own for one in told]).reshape(len(told), -1) if told else np.zeros((0, 1))
        left[:, 0] -= [one.profile.promise for one in told]
        noise = np.array([one.variance for one in told])
        # What is a model's own is left of VARIANCE; the level is none of it.
        own = VARIANCE + LEVEL - (x * x).sum(axis=1)
        solved = x.T @ np.linalg.inv(x @ x.T + np.diag(own + noise))
        self._weights, self._known = solved @ left, solved @ x

    def prior(self, profile: Profile) -> Prior:
        """Return what to expect of a model, given what was told of the others."""
        if not self._columns:
            return promised(profile)
        features = self._features(profile)
        own = self._row(features) @ self._weights
        own[0] += profile.promise
        apart = self._row(features | {"level": 0.0})
        return Prior(own=own, variance=VARIANCE - float(apart @ self._known @ apart))

    def _features(self, profile: Profile) -> dict[str, float]:
        """Return a model's features, scaled to deviations: none but the level is longer than that of a part."""
        found = {"level": math.sqrt(LEVEL), "price": math.sqrt(PRICED) * math.tanh(profile.price / 2)}
        if profile.family:
            found[f"family {profile.family}"] = math.sqrt(FAMILY)
        if profile.line:
            found[f"line {profile.line}"] = math.sqrt(LINE)
        if profile.size_b:
            found["size"] = math.sqrt(SIZED) * math.tanh((math.log(profile.size_b) - self._sizes) / 2)
        for benchmark, score in profile.scores.items():
            away = math.tanh(score - self._scores.get(benchmark, score))
            found[f"score {benchmark}"] = math.sqrt(SCORED / len(profile.scores)) * away
        return found

    def _row(self, features: Mapping[str, float]) -> Vector:
        """Return features by column; one that no model told of has none."""
        row = np.zeros(len(self._columns))
        for name, value in features.items():
            if (column := self._columns.get(name)) is not None:
                row[column] = value
        return row


def promised(profile: Profile) -> Prior:
    """Return what to expect of a model whose kin tell nothing: what its price and stated scores promise."""
    return Prior(own=np.array([profile.promise]))


def profiles(offered: Mapping[str, Action], models: Iterable[str]) -> dict[str, Profile]:
    """Return the profiles of some of the models that are offered together, by name."""
    logs = {model: math.log(max(action.cost_usd, 1e-7)) for model, action in offered.items()}
    mean = sum(logs.values()) / max(len(logs), 1)
    scores = {
        model: {b: _logit(s) for b, s in action.benchmarks} for model, action in offered.items() if action.benchmarks
    }
    known = _means({model: logs[model] - mean for model in scores}, scores)
    found = {}
    for model in models:
        action, price, stated = offered[model], logs[model] - mean, scores.get(model, {})
        found[model] = Profile(
            price=price,
            promise=_promise(PRICE * price, stated, known),
            family=action.family,
            line=action.line,
            size_b=action.size_b,
            scores=stated,
        )
    return found


def _promise(price: float, scores: Mapping[str, float], means: Mapping[str, tuple[float, float]]) -> float:
    """Return what price and stated scores promise: the mean of what each of them does, in logits.

    A score says how far a model is from the others that state it; how far these are from all, their prices say.
    """
    said = [SCORE * (score - means[benchmark][0]) + means[benchmark][1] for benchmark, score in scores.items()]
    return (price + sum(said)) / (1 + len(said))


def _means(prices: Mapping[str, float], scores: Mapping[str, Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Return, by benchmark, the mean score of the models that state it, and the mean of what their prices promise."""
    found: dict[str, list[tuple[float, float]]] = {}
    for model, stated in scores.items():
        for benchmark, score in stated.items():
            found.setdefault(benchmark, []).append((score, PRICE * prices[model]))
    return {b: (_mean([s for s, _ in each]), _mean([p for _, p in each])) for b, each in found.items()}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _logit(share: float) -> float:
    held = min(max(share, 0.01), 0.99)
    return math.log(held / (1 - held))
