"""Turns an outcome table into arrays and contexts, once for all seeds and policies; it holds no randomness."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit_router.context.build import load_builder
from bandit_router.registry.eligible import expected_cost, needs_of
from bandit_router.settings import ContextSettings
from bandit_router.types import ChatRequest, Context, Model
from simulate.bench.judges import Floats, JudgeSpec, grading, recorded_verdicts, true_scores
from simulate.outcomes import Row, Table
from simulate.prices import Price, price_list, usage

Tick = Callable[[int], None]
"""Told how many more units of work are done."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """All that is known of a table's n rows and k models, which are in price order: cheapest first."""

    models: tuple[str, ...]
    categories: tuple[str, ...]
    """(n) as recorded; what policies see is the category of the context."""
    contexts: Mapping[int, Context]
    """By row; only those of rows that some seed takes."""
    scores: Floats
    """(n, k) true scores in [0, 1]."""
    costs: Floats
    """(n, k) USD paid to the model."""
    expected: Floats
    """(n, k) USD a call is expected to cost by the price list, without judges."""
    prices: Floats
    """(k, 2) list prices in USD per input and output token."""
    tokens: NDArray[np.int64]
    """(n, k, 2) input and output tokens."""
    judge: JudgeSpec
    judges: tuple[str, ...]
    """The names of the j judges that grade."""
    recorded: Floats | None
    """(n, k, j) recorded verdicts; None where verdicts are drawn."""

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self.categories)


def load_world(table: Table, judge: JudgeSpec, *, needed: Iterable[int], tick: Tick) -> World:
    """Return the world of a table under a judge, with the contexts of the rows needed, each built once.

    Raise `ConfigError` when the judge does not fit the table.
    """
    judges = grading(table, judge)
    prices = price_list(table)
    models = _models(prices)
    rows = [[row.arms[model] for model in table.models] for row in table.rows]
    needs = [needs_of(_request(row)) for row in table.rows]
    tokens = [[usage(row, row.arms[name], prices[name]) for name in table.models] for row in table.rows]
    world = World(
        models=table.models,
        categories=tuple(row.category for row in table.rows),
        scores=true_scores(table, judge),
        costs=np.array([[arm.cost_usd for arm in line] for line in rows]),
        expected=np.array([[expected_cost(model, need) for model in models] for need in needs]),
        prices=np.array(list(prices.values())),
        tokens=np.array(tokens, dtype=np.int64),
        judge=judge,
        judges=judges,
        recorded=recorded_verdicts(table, judges) if judge.kind == "recorded" else None,
        contexts=asyncio.run(_contexts(table, sorted(needed), tick)),
    )
    # All of it stays: the garbage collector need not look through it again and again.
    gc.freeze()
    return world


def _models(prices: Mapping[str, Price]) -> list[Model]:
    """Return the models as the product would know them: one a tier, with the prices that the table implies."""
    return [
        Model(name=name, target=name, tier=tier, input_usd_per_token=price[0], output_usd_per_token=price[1])
        for tier, (name, price) in enumerate(prices.items())
    ]


def _request(row: Row) -> ChatRequest:
    return ChatRequest(messages=({"role": "user", "content": row.prompt},))


async def _contexts(table: Table, rows: Sequence[int], tick: Tick) -> dict[int, Context]:
    """Build contexts with the product's default settings; rows of the same prompt share one."""
    builder = await load_builder(ContextSettings())
    built: dict[str, Context] = {}
    for row in rows:
        prompt = table.rows[row].prompt
        if prompt not in built:
            built[prompt] = await builder.build(_request(table.rows[row]))
        tick(1)
    return {row: built[table.rows[row].prompt] for row in rows}
