"""Experiments on recorded outcomes: how much narrower an interval gets by what was known before; it prints nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit_router.context.build import load_builder
from bandit_router.experiment.adjust import Matrix
from bandit_router.experiment.analyse import analyse
from bandit_router.experiment.covariates import Requests, expected, learn
from bandit_router.gather_rows import EMBEDDING_DIMS
from bandit_router.settings import ContextSettings
from bandit_router.types import ChatRequest
from simulate.experiments.logs import trial, two_arms
from simulate.outcomes import Row, Table

_JUDGE_NOISE = 0.35
_CLIMB_BELOW = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """By which share the interval of the reward became narrower; the effect found and the true one."""

    narrower: float
    found: float
    low: float
    high: float
    truth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """What the service sees of the prompts of a table, in the order of its rows."""

    surface: Matrix
    embedding: Matrix
    category: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class _Played:
    """What the best model and a cascade that starts with the cheapest came to on every row, (n, 2)."""

    quality: NDArray[np.float64]
    offset: NDArray[np.float64]


async def see(table: Table) -> Contexts:
    """Build the context of every prompt as the service does; a millisecond each."""
    builder = await load_builder(ContextSettings())
    requests = (ChatRequest(messages=({"role": "user", "content": row.prompt},)) for row in table.rows)
    found = [await builder.build(request) for request in requests]
    names = sorted(found[0].surface)
    return Contexts(
        surface=np.array([[each.surface[name] for name in names] for each in found]),
        embedding=np.array([each.embedding[:EMBEDDING_DIMS] for each in found], dtype=np.float64),
        category=np.array([each.category for each in found]),
    )


def narrowed(
    table: Table, contexts: Contexts, *, value_usd: float, per_key: int = 1, called: bool = False, seed: int = 0
) -> Narrowed:
    """Play the best single model against a cascade; the first half of the rows is from before the experiment.

    With `per_key` above 1 the units are keys that ask so many questions, mostly of one category, in either half. With
    `called` the second cheapest model, which no arm calls, answers every request off the path and is judged.
    """
    rng = np.random.default_rng(seed)
    order, key = _shuffled(table, per_key, rng)
    rows = [table.rows[i] for i in order]
    played = _play(rows, table, value_usd, rng)
    before = np.arange(len(rows)) < len(rows) // 2 if per_key == 1 else rng.random(len(rows)) < 0.5
    units, code = np.unique(key, return_inverse=True)
    arm = rng.integers(0, 2, len(units))[code]
    served = np.arange(len(rows)), np.where(before, 0, arm)
    requests = Requests(
        surface=contexts.surface[order],
        embedding=contexts.embedding[order],
        category=contexts.category[order],
        unit=key,
        quality=played.quality[served],
        offset=played.offset[served],
    )
    now = ~before
    columns = [expected(requests.where(now), learn(requests.where(before)))]
    if called:
        columns.append(_judged(rows, table.models[1], rng)[now])
    log = trial(
        arm[now],
        unit=key[now],
        quality=requests.quality[now],
        offset=requests.offset[now],
        covariates=np.column_stack(columns),
    )
    found = analyse(two_arms(planned=len(units)), log).treatments[0].primary
    reward = played.quality + played.offset
    return Narrowed(
        narrower=found.narrower,
        found=found.difference.value,
        low=found.difference.low,
        high=found.difference.high,
        truth=float((reward[now, 1] - reward[now, 0]).mean()),
    )


def ceiling(table: Table, contexts: Contexts, *, value_usd: float, seed: int = 0) -> float:
    """Return by how much boosted trees narrow the interval that learn from both arms' outcomes on the same rows.

    They also know the category that the recorded data has: more than any service does before it answers.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor  # type: ignore[import-untyped]

    rng = np.random.default_rng(seed)
    order, _ = _shuffled(table, 1, rng)
    rows = [table.rows[i] for i in order]
    played = _play(rows, table, value_usd, rng)
    names = np.array([row.category for row in rows])
    one_hot = (names[:, None] == np.unique(names)[None, :]).astype(np.float64)
    x = np.column_stack([contexts.surface[order], contexts.embedding[order], one_hot])
    reward, half = played.quality + played.offset, len(rows) // 2
    trees = HistGradientBoostingRegressor(max_iter=150, learning_rate=0.05, max_leaf_nodes=15, random_state=seed)
    left = [float(np.var(y[half:] - trees.fit(x[:half], y[:half]).predict(x[half:])) / np.var(y[half:]))
            for y in reward.T]  # fmt: skip
    spread = np.var(reward[half:], axis=0)
    return 1 - float(np.sqrt(np.average(left, weights=spread)))


def _shuffled(table: Table, per_key: int, rng: np.random.Generator) -> tuple[NDArray[np.int_], NDArray[np.str_]]:
    """Return a random order of the rows and the key that asks each: 2 * per_key rows, four fifths of a kind."""
    order = rng.permutation(len(table.rows))
    if per_key == 1:
        return order, np.array([table.rows[i].id for i in order])
    stray = rng.random(len(order)) < 0.2
    sorted_rows = sorted(order[~stray].tolist(), key=lambda i: table.rows[i].category)
    kept = np.array(sorted_rows + order[stray].tolist())
    keys = np.concatenate([np.arange(len(sorted_rows)) * 5 // (8 * per_key), _strays(stray, sorted_rows, per_key, rng)])
    return kept, np.array([f"{key:06}" for key in keys])


def _strays(
    stray: NDArray[np.bool_], sorted_rows: list[int], per_key: int, rng: np.random.Generator
) -> NDArray[np.int_]:
    return rng.integers(0, max(len(sorted_rows) * 5 // (8 * per_key), 1), int(stray.sum()))


def _play(rows: list[Row], table: Table, value_usd: float, rng: np.random.Generator) -> _Played:
    best = max(table.models, key=table.mean_score)
    cheap = table.models[0]
    score = np.array([[row.arms[model].score for model in (cheap, best)] for row in rows])
    cost = np.array([[row.arms[model].cost_usd for model in (cheap, best)] for row in rows])
    climbs = score[:, 0] + rng.normal(0, _JUDGE_NOISE, len(rows)) < _CLIMB_BELOW
    quality = np.column_stack([score[:, 1], np.where(climbs, score[:, 1], score[:, 0])])
    spent = np.column_stack([cost[:, 1], cost[:, 0] + np.where(climbs, cost[:, 1], 0.0)])
    return _Played(quality, np.maximum(-spent / value_usd, -1.0 - quality))


def _judged(rows: list[Row], model: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return what a judge says of a model's answers."""
    return np.array([row.arms[model].score for row in rows]) + rng.normal(0, _JUDGE_NOISE, len(rows))
