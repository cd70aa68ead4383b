"""Says what is believed of the models that a request is offered, before any of them answered; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.decide import Tried
from bandit_router.policy.index.kinship import Prior, profiles
from bandit_router.policy.index.knowledge import Knowledge
from bandit_router.policy.index.space import Vector
from bandit_router.types import Action, Context, Judged


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What a context says of every model seen before: logits, and bills over list prices; and of a new one."""

    context: Context
    x: Vector
    unseen: float
    logits: Vector
    ratios: Vector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Offer:
    """The k models offered, by name and by place, and what is believed of each of them."""

    reading: Reading
    models: Mapping[str, Action]
    places: Mapping[str, int]
    good: NDArray[np.float64]
    """P(good answer | difficulty), (k, d)."""
    cost_usd: Vector
    doubt: Vector
    ignorance: Vector
    """Variances of each model's logit: now, and if nothing grew old."""
    tried: dict[int, tuple[Judged, Tried]] = field(default_factory=dict)
    """By place in the history: answers looked at already, as each step of a cascade asks for those before it."""


def read(known: Knowledge, context: Context) -> Reading:
    """Return what a context says of the models seen."""
    point = known.space.point(context)
    unseen, logits = known.predictor.logits(point)
    ratios = known.prices.ratios(point.f)
    return Reading(context=context, x=point.x, unseen=unseen, logits=logits, ratios=ratios)


def offer(known: Knowledge, reading: Reading, models: Mapping[str, Action]) -> Offer:
    """Return what is believed of the models offered together."""
    predictor, prices, none = known.predictor, known.prices, Prior()
    new = models.keys() - predictor.rows.keys()
    priors = known.priors(profiles(models, new)) if new else {}
    logits = [logit(known, reading, model, priors.get(model, none)) for model in models]
    billed = [prices.rows.get(model) for model in models]
    ratios = np.array([1.0 if row is None else reading.ratios[row] for row in billed])
    doubts = np.array([predictor.doubts(model, priors.get(model, none)) for model in models]).reshape(-1, 2)
    return Offer(
        reading=reading,
        models=models,
        places={model: place for place, model in enumerate(models)},
        good=known.good(np.array(logits)),
        cost_usd=np.array([prices.listed(action.cost_usd) for action in models.values()]) * ratios,
        doubt=doubts[:, 0],
        ignorance=doubts[:, 1],
    )


def logit(known: Knowledge, reading: Reading, model: str, prior: Prior) -> float:
    """Return a model's logit of answering well, at difficulty 0."""
    row = known.predictor.rows.get(model)
    return reading.unseen + prior.logit(reading.x) if row is None else float(reading.logits[row])
