"""What changes while a table is replayed, and when; pure functions of the world, the order of rows and a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.errors import ConfigError, did_you_mean
from simulate.bench.newcomers import NEWCOMERS, newcomers
from simulate.bench.world import World

Order = NDArray[np.int64]
"""(n) indices of a world's rows, in the order in which they come."""
PRICE_CUT: Final = 0.1
DROPPED: Final = "dropped"
"""The name of a phase in which a model has lost its quality."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of queries, `start` to before `stop`, during which the world stays as it is."""

    name: str
    start: int
    stop: int
    price: tuple[tuple[int, float], ...] = ()
    """(model, factor on what it costs and on its list price)."""
    absent: tuple[int, ...] = ()
    """Models that cannot be called."""
    drop: bool = False
    """Whether the model most served just before scores what the cheapest does."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timeline:
    """The order of the rows and the phases, which cover them without gaps."""

    order: Order
    phases: tuple[Phase, ...]


Scenario = Callable[[World, Order, int, float], Timeline]
"""Makes the timeline of a world, an order, a seed and what a good answer is worth in USD."""


def stationary(_world: World, order: Order, _seed: int, _value_usd: float) -> Timeline:
    """Nothing changes."""
    return Timeline(order=order, phases=(Phase(name="all", start=0, stop=len(order)),))


def price_cut(world: World, order: Order, _seed: int, _value_usd: float) -> Timeline:
    """From half time on the dearest model costs a tenth, and the price list says so."""
    dearest = len(world.models) - 1
    before, after = _halves(order, "before", "price cut")
    return Timeline(order=order, phases=(before, _with(after, price=((dearest, PRICE_CUT),))))


def quality_drop(_world: World, order: Order, _seed: int, _value_usd: float) -> Timeline:
    """From half time on the model most served in the quarter before scores what the cheapest does."""
    before, after = _halves(order, "before", DROPPED)
    return Timeline(order=order, phases=(before, _with(after, drop=True)))


def recovery(_world: World, order: Order, _seed: int, _value_usd: float) -> Timeline:
    """The same drop, from one third to two thirds of the stream; then the model is itself again."""
    n = len(order)
    return Timeline(
        order=order,
        phases=(
            Phase(name="before", start=0, stop=n // 3),
            Phase(name=DROPPED, start=n // 3, stop=2 * n // 3, drop=True),
            Phase(name="recovered", start=2 * n // 3, stop=n),
        ),
    )


def new_model(world: World, order: Order, _seed: int, value_usd: float) -> Timeline:
    """The best single model is absent until half time; raise `ConfigError` when there is no other.

    It is the best by utility: one that scores higher but costs more than that is worth would change nothing by coming.
    """
    if len(world.models) < 2:
        raise ConfigError("--scenario new_model needs a table of two models or more")
    best = int((world.scores.mean(axis=0) - world.costs.mean(axis=0) / value_usd).argmax())
    before, after = _halves(order, "before", "new model")
    return Timeline(order=order, phases=(_with(before, absent=(best,)), after))


def newcomers_arrive(world: World, order: Order, _seed: int, _value_usd: float) -> Timeline:
    """The models that were added to the world are absent until half time."""
    before, after = _halves(order, "before", "newcomers")
    return Timeline(order=order, phases=(_with(before, absent=newcomers(world)), after))


def category_shift(world: World, order: Order, seed: int, _value_usd: float) -> Timeline:
    """The categories, in a random order, fill the first half one after the other and then the second; both are mixed.

    So at most one category comes in both halves.
    """
    half, rng = len(order) // 2, np.random.default_rng([seed, 10])
    names, category = np.unique([world.categories[row] for row in order], return_inverse=True)
    by_category = order[np.argsort(rng.permutation(len(names))[category], kind="stable")]
    mixed = [rng.permutation(by_category[:half]), rng.permutation(by_category[half:])]
    return Timeline(order=np.concatenate(mixed), phases=_halves(order, "first categories", "other categories"))


SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        "stationary": stationary,
        "price_cut": price_cut,
        "quality_drop": quality_drop,
        "recovery": recovery,
        "new_model": new_model,
        "category_shift": category_shift,
        **dict.fromkeys(NEWCOMERS, newcomers_arrive),
    }
)


def scenario(name: str) -> Scenario:
    """Return the scenario of that name; raise `ConfigError`."""
    if name not in SCENARIOS:
        raise ConfigError(f"--scenario: none is called {name!r}; {did_you_mean(name, SCENARIOS)}")
    return SCENARIOS[name]


def _halves(order: Order, first: str, second: str) -> tuple[Phase, Phase]:
    half = len(order) // 2
    return Phase(name=first, start=0, stop=half), Phase(name=second, start=half, stop=len(order))


def _with(
    phase: Phase, *, price: tuple[tuple[int, float], ...] = (), absent: tuple[int, ...] = (), drop: bool = False
) -> Phase:
    return Phase(name=phase.name, start=phase.start, stop=phase.stop, price=price, absent=absent, drop=drop)
