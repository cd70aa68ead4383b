"""Experiments on recorded outcomes: how much narrower an interval gets by what was known before; it prints nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit_router.experiment.adjust import Matrix
from bandit_router.experiment.analyse import analyse
from bandit_router.experiment.covariates import Past, expect
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


@dataclass(frozen=True, slots=True)
class _Played:
    """What the best model and a cascade that starts with the cheapest came to on every row, (n, 2)."""

    quality: NDArray[np.float64]
    offset: NDArray[np.float64]


def narrowed(table: Table, *, value_usd: float, per_key: int = 1, seed: int = 0) -> Narrowed:
    """Play the best single model against a cascade; the first half of the rows is from before the experiment.

    With `per_key` above 1 the units are keys that ask so many questions, mostly of one category, in either half.
    """
    rng = np.random.default_rng(seed)
    rows, key = _shuffled(table, per_key, rng)
    played = _play(rows, table, value_usd, rng)
    features, category = _features(rows), np.array([row.category for row in rows])
    before = np.arange(len(rows)) < len(rows) // 2 if per_key == 1 else rng.random(len(rows)) < 0.5
    units, code = np.unique(key, return_inverse=True)
    arm = rng.integers(0, 2, len(units))[code]
    served = np.arange(len(rows)), np.where(before, 0, arm)
    quality, offset = played.quality[served], played.offset[served]
    past = Past(
        features=features[before],
        category=category[before],
        unit=key[before],
        quality=quality[before],
        offset=offset[before],
    )
    expected = expect(past)
    assert expected is not None, "there are thousands of rows"
    now = ~before
    log = trial(
        arm[now],
        unit=key[now],
        quality=quality[now],
        offset=offset[now],
        covariates=expected.of(features[now], category[now], key[now]),
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


def _shuffled(table: Table, per_key: int, rng: np.random.Generator) -> tuple[list[Row], NDArray[np.str_]]:
    """Return the rows in random order and the key that asks each; keys have 2 * per_key rows, four fifths of a kind."""
    order = rng.permutation(len(table.rows))
    if per_key == 1:
        return [table.rows[i] for i in order], np.array([table.rows[i].id for i in order])
    stray = rng.random(len(order)) < 0.2
    sorted_rows = sorted(order[~stray].tolist(), key=lambda i: table.rows[i].category)
    kept = np.array(sorted_rows + order[stray].tolist())
    keys = np.concatenate([np.arange(len(sorted_rows)) * 5 // (8 * per_key), _strays(stray, sorted_rows, per_key, rng)])
    return [table.rows[i] for i in kept], np.array([f"{key:06}" for key in keys])


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


def _features(rows: list[Row]) -> Matrix:
    length = np.log1p([len(row.prompt) for row in rows])
    return np.column_stack([length, length**2])
