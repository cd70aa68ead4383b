"""Reads outcome tables (prompt x model -> score, cost) as the log of a policy that draws evenly; it simulates no more.

A table knows what every model would have done, and a log only what one did: one model is drawn for each prompt, evenly
and by a seed, so that the log has true propensities.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from bandit_router.replay.foreign import fields
from bandit_router.replay.foreign.entry import UNKNOWN, Entry, priced
from bandit_router.replay.foreign.fields import Object
from bandit_router.types import Action


class Costs:
    """What each model of a table costs on average: what a policy may expect before it calls one."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}

    def add(self, raw: Object) -> None:
        """Take a row; raise ValueError saying what is wrong."""
        for name, arm in _arms(raw).items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + fields.number(arm, "cost"), count + 1

    def models(self) -> dict[str, Action]:
        """Return each model with its mean cost and, by that, its tier."""
        return {action.model: action for action in priced({name: usd / n for name, (usd, n) in self._sums.items()})}


def entry(raw: Object, number: int, *, models: Mapping[str, Action], seed: int) -> Entry:
    """Return the entry of a row with one model drawn; raise ValueError saying what is wrong."""
    arms = _arms(raw)
    chosen = Random(f"{seed} {number}").randrange(len(arms))
    model = list(arms)[chosen]
    arm: dict[str, Any] = arms[model]
    score = fields.share(arm, "score", "reward")
    if score is None:
        raise ValueError(f"'score' of {model!r} is missing; it must be a number in [0, 1]")
    prompt = fields.text(raw, "prompt")
    return Entry(
        id=str(raw.get("id") or f"row-{number}"),
        at=fields.moment({"n": number}, "n"),
        actions=tuple(models[name] for name in arms),
        chosen=chosen,
        probs=(1 / len(arms),) * len(arms),
        messages=({"role": "user", "content": prompt},),
        category=fields.text(raw, "category", "source", default=UNKNOWN),
        cost_usd=fields.number(arm, "cost"),
        tokens=(round(fields.number(arm, "in_tok", default=0.0)), round(fields.number(arm, "out_tok", default=0.0))),
        score=score,
    )


def _arms(raw: Object) -> dict[str, dict[str, Any]]:
    arms = raw.get("arms")
    if not isinstance(arms, dict) or not arms or not all(isinstance(arm, dict) for arm in arms.values()):
        raise ValueError('\'arms\' is missing or empty; give {model: {"score", "cost"}} for every model')
    return arms
