"""Adds made-up models to a world, for scenarios in which they arrive; when they arrive is the scenarios' affair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np

from simulate.bench.judges import Floats
from simulate.bench.world import World

PREFIX: Final = "newcomer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A model made of two others: each row's outcome is that of one or the other, by a coin."""

    like: tuple[int, int]
    """Places of the two: 0 is the cheapest model, -1 the dearest."""
    price: float = 1.0
    """Factor on what it costs."""
    kept: float = 1.0
    """Share of the rows on which its score stays what it was; 0 on the others."""


SEVERAL: Final = tuple(
    Newcomer(like=(number % 6, (number + 1 + number // 6) % 6), price=0.6 + 0.15 * number, kept=0.7 + 0.03 * number)
    for number in range(10)
)
NEWCOMERS: Final[Mapping[str, Sequence[Newcomer]]] = MappingProxyType(
    {
        "good_newcomer": [Newcomer(like=(-1, -1), price=1 / 3)],
        "bad_newcomer": [Newcomer(like=(0, 0), price=0.5, kept=0.3)],
        "dear_newcomer": [Newcomer(like=(-1, -1), price=3.0)],
        "ten_newcomers": SEVERAL,
    }
)


def with_newcomers(world: World, scenario: str) -> World:
    """Return the world with the models that a scenario adds, all of them in price order again."""
    for number, newcomer in enumerate(NEWCOMERS.get(scenario, ())):
        world = _added(world, newcomer, models=len(world.models) - number, name=f"{PREFIX}-{number}")
    order = np.argsort(world.costs.mean(axis=0), kind="stable")
    return replace(
        world,
        models=tuple(world.models[place] for place in order),
        scores=world.scores[:, order],
        costs=world.costs[:, order],
        expected=world.expected[:, order],
        prices=world.prices[order],
        tokens=world.tokens[:, order],
        recorded=None if world.recorded is None else world.recorded[:, order],
    )


def newcomers(world: World) -> tuple[int, ...]:
    """Return the places of the models that were added."""
    return tuple(place for place, name in enumerate(world.models) if name.startswith(f"{PREFIX}-"))


def _added(world: World, newcomer: Newcomer, *, models: int, name: str) -> World:
    """Return a world with one model more, at the end; `models` is how many there were before any was added."""
    rng, (first, second) = np.random.default_rng([world.size, *name.encode()]), newcomer.like
    rows = np.arange(world.size)
    source = np.where(rng.random(world.size) < 0.5, first % models, second % models)
    kept = rng.random(world.size) < newcomer.kept
    spent, scores = world.costs[rows, source], world.scores[rows, source] * kept
    recorded = world.recorded
    if recorded is not None:
        recorded = _beside(recorded, recorded[rows, source] * kept[:, None])
    return replace(
        world,
        models=(*world.models, name),
        scores=_beside(world.scores, scores),
        costs=_beside(world.costs, spent * newcomer.price),
        expected=_beside(world.expected, world.expected[rows, source] * newcomer.price),
        prices=np.vstack((world.prices, world.prices[[first, second]].mean(axis=0) * newcomer.price)),
        tokens=np.concatenate((world.tokens, world.tokens[rows, source][:, None]), axis=1),
        recorded=recorded,
    )


def _beside(columns: Floats, column: Floats) -> Floats:
    return np.concatenate((columns, column[:, None]), axis=1)
