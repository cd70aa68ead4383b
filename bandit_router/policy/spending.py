"""Learns what calls cost against what they were expected to, by category and model; it prices nothing itself."""

from __future__ import annotations

import json
from typing import Final

from bandit_router.policy.lesson import answers
from bandit_router.types import Action, Event

PATIENCE: Final = 10.0
"""The expected price counts as much as this many calls; a model's ratio as much as so many of one category."""

Sums = dict[str, list[float]]


class Spending:
    """Paid over expected USD: 1 until calls say otherwise; a category leans on its model's ratio over all categories.

    A ratio holds on when a price changes, and for prompts of any length.
    """

    def __init__(self, models: Sums | None = None, categories: dict[str, Sums] | None = None) -> None:
        self._models = models or {}
        self._categories = categories or {}

    def cost_usd(self, category: str, action: Action) -> float:
        """Return what taking an action for a request of a category should cost, judges included."""
        prior = PATIENCE * action.cost_usd
        paid, expected = self._models.get(action.model, (0.0, 0.0))
        ratio = (paid + prior) / (expected + prior) if prior > 0 else 1.0
        paid, expected = self._categories.get(category, {}).get(action.model, (0.0, 0.0))
        return action.cost_usd * ((paid + prior * ratio) / (expected + prior) if prior > 0 else ratio)

    def learn(self, event: Event) -> None:
        """Count every answered call of an event once."""
        if event.kind != "finished":
            return
        for step, judged in answers(event):
            category = self._categories.setdefault(event.decision.context.category, {})
            for sums in (self._models, category):
                total = sums.setdefault(step.action.model, [0.0, 0.0])
                total[0] += judged.cost_usd
                total[1] += step.action.cost_usd

    def dump(self) -> dict[str, bytes]:
        """Return what was learned, by part."""
        return {"spending": json.dumps([self._models, self._categories]).encode()}

    @classmethod
    def load(cls, parts: dict[str, bytes]) -> Spending:
        """Return what was dumped, to the bit."""
        return cls(*json.loads(parts["spending"]))
