"""Predicts the quality of each model's answer from the context of a request; it weighs no cost and chooses nothing.

One regression over all models learns what they share (hard categories, dear models being better), and one for each
model what sets it apart: a model of few answers leans on the others, and a new one starts from them.
"""

from __future__ import annotations

import json
import math
from typing import Final

import numpy as np

from bandit_router.policy.ridge import Ridge, Vector
from bandit_router.types import Action, Context

NOISE: Final = 0.2
"""Variance of an answer's quality around its prediction; for right or wrong it is 0.25 at most."""
BASE: Final = 0.5
"""Predicted of everything before the first answer."""
CONSTANT: Final = 0.2
PRICE: Final = 0.1
CATEGORY: Final = 0.2
SURFACE: Final = 0.1
EMBEDDING: Final = 0.03
"""Prior deviations of the weights: how far quality may move with the model itself, with ten times the price, with the
category, with a surface feature from 0 to 1, and with a number of the embedding (these scaled to be of size 1)."""
APART: Final = 0.3
"""How far models may differ in what moves their quality, as a share of how far it may move for all."""
CHANGED: Final = 0.5
"""The share of what is not known of a new model that is not known again of one that has changed."""
NAMED: Final = 2
"""Places 0 and 1 are the constant and the price; the embedding follows, then names in the order of their coming."""


class Predictor:
    """Quality by model and context: pooled regression plus one a model on what that leaves over."""

    def __init__(self, *, dims: int) -> None:
        self._dims = dims
        self._columns: dict[str, int] = {}
        self._pooled = Ridge(noise=NOISE)
        self._models: dict[str, Ridge] = {}
        self.answers = 0
        """How many were learned from."""

    def quality(self, context: Context, action: Action) -> float:
        """Return the expected quality in [0, 1] of a model's answer."""
        return self.qualities(context, [action])[0]

    def qualities(self, context: Context, actions: list[Action]) -> list[float]:
        """Return the expected quality in [0, 1] of each model's answer."""
        x = self._vector(context)
        return [min(max(self._expected(x, action), 0.0), 1.0) for action in actions]

    def learn(self, context: Context, action: Action, quality: float) -> None:
        """Take one answer's quality in [0, 1] in."""
        for name in _names(context):
            self._columns.setdefault(name, NAMED + self._dims + len(self._columns))
        x = self._vector(context)
        self._pooled.learn(_priced(x, action), quality - BASE)
        left = quality - BASE - self._pooled.predict(_priced(x, action))
        self._models.setdefault(action.model, Ridge(noise=NOISE)).learn(_apart(x), left)
        self.answers += 1

    def forget(self, model: str) -> None:
        """Doubt what sets a model apart: its answers are no longer what they were."""
        if model in self._models:
            self._models[model].forget(CHANGED)

    def dump(self) -> dict[str, bytes]:
        """Return what was learned, by part."""
        index = {"answers": self.answers, "columns": self._columns, "models": list(self._models)}
        models = {f"model {place}": ridge.dump() for place, ridge in enumerate(self._models.values())}
        return {"predictor": json.dumps(index).encode(), "pooled": self._pooled.dump(), **models}

    @classmethod
    def load(cls, parts: dict[str, bytes], *, dims: int) -> Predictor:
        """Return what was dumped, to the bit."""
        index = json.loads(parts["predictor"])
        predictor = cls(dims=dims)
        predictor._columns, predictor.answers = index["columns"], index["answers"]
        predictor._pooled = Ridge.load(parts["pooled"], noise=NOISE)
        for place, model in enumerate(index["models"]):
            predictor._models[model] = Ridge.load(parts[f"model {place}"], noise=NOISE)
        return predictor

    def _expected(self, x: Vector, action: Action) -> float:
        model = self._models.get(action.model)
        return BASE + self._pooled.predict(_priced(x, action)) + (model.predict(_apart(x)) if model else 0.0)

    def _vector(self, context: Context) -> Vector:
        x = np.zeros(NAMED + self._dims + len(self._columns))
        x[0] = CONSTANT
        embedding = context.embedding[: self._dims]
        if np.isfinite(embedding).all():
            x[NAMED : NAMED + len(embedding)] = EMBEDDING * math.sqrt(len(context.embedding)) * embedding
        for name, value in _names(context).items():
            if (column := self._columns.get(name)) is not None:
                x[column] = value
        return x


def _names(context: Context) -> dict[str, float]:
    """Return the category and the surface features, scaled by how much they may matter."""
    surface = {f"s {name}": SURFACE * value for name, value in context.surface.items() if math.isfinite(value)}
    return {f"c {context.category}": CATEGORY, **surface}


def _apart(x: Vector) -> Vector:
    """Return the vector as one model's own regression sees it: all but its constant matters less."""
    apart = APART * x
    apart[0] = x[0]
    return apart


def _priced(x: Vector, action: Action) -> Vector:
    """Return the vector with the price in its place, in powers of ten from $0.0001 on."""
    priced = x.copy()
    priced[1] = PRICE * (math.log10(max(action.cost_usd, 1e-6)) + 4)
    return priced
