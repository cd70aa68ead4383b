"""Keeps the mean quality of each model by category, shrunk towards its mean over all; it weighs no cost."""

from __future__ import annotations

import json

Sums = dict[str, list[float]]
"""By model: how many answers, and the sum of their qualities."""


class Averages:
    """Means that lean on wider ones: a category's on its model's, a model's on that of all models, that on 0.5."""

    def __init__(self, *, shrinkage: float) -> None:
        """Start from nothing; a wider mean counts as much as `shrinkage` answers."""
        self._shrinkage = shrinkage
        self._all = [0.0, 0.0]
        self._models: Sums = {}
        self._categories: dict[str, Sums] = {}

    def answers(self, category: str) -> float:
        """Return how many answers of a category were counted."""
        return sum(count for count, _ in self._categories.get(category, {}).values())

    def quality(self, category: str, model: str) -> float:
        """Return a model's shrunken mean quality in a category, in [0, 1]."""
        mean = self._shrunk(self._all, 0.5)
        mean = self._shrunk(self._models.get(model), mean)
        return self._shrunk(self._categories.get(category, {}).get(model), mean)

    def learn(self, category: str, model: str, quality: float, *, weight: float = 1.0) -> None:
        """Count an answer's quality in [0, 1], as `weight` answers."""
        of_model = self._models.setdefault(model, [0.0, 0.0])
        of_category = self._categories.setdefault(category, {}).setdefault(model, [0.0, 0.0])
        for sums in (self._all, of_model, of_category):
            sums[0] += weight
            sums[1] += weight * quality

    def forget(self, model: str) -> None:
        """Let all that was counted of a model count as no more than `shrinkage` answers: its answers have changed."""
        for sums in (self._models.get(model), *(category.get(model) for category in self._categories.values())):
            if sums and sums[0] > self._shrinkage:
                sums[:] = [self._shrinkage, self._shrinkage * sums[1] / sums[0]]

    def dump(self) -> dict[str, bytes]:
        """Return what was learned, by part."""
        return {"averages": json.dumps([self._all, self._models, self._categories]).encode()}

    @classmethod
    def load(cls, parts: dict[str, bytes], *, shrinkage: float) -> Averages:
        """Return what was dumped, to the bit."""
        averages = cls(shrinkage=shrinkage)
        averages._all, averages._models, averages._categories = json.loads(parts["averages"])
        return averages

    def _shrunk(self, sums: list[float] | None, towards: float) -> float:
        count, total = sums or (0.0, 0.0)
        return (total + self._shrinkage * towards) / (count + self._shrinkage)
