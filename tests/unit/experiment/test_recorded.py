"""Covariates: what is learned of other units, and what it gains on recorded outcomes."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bandit_router.experiment.covariates import Requests, expected, learn
from simulate.experiments.recorded import narrowed, see
from simulate.outcomes import read_table

DATA = Path(__file__).parents[4] / "shared" / "data" / "merged_core.jsonl.gz"


def requests(n: int, *, judged: bool = True, units: int = 5, seed: int = 0) -> Requests:
    """Return requests of which easy ones turn out well; what a unit is says nothing."""
    rng = np.random.default_rng(seed)
    category = rng.choice(["easy", "hard"], n)
    quality = (rng.random(n) < np.where(category == "easy", 0.9, 0.3)).astype(float)
    return Requests(
        surface=rng.random((n, 2)),
        embedding=np.empty((n, 0)),
        category=category,
        unit=np.array([f"{i % units}" for i in range(n)]),
        quality=quality if judged else np.full(n, np.nan),
        offset=np.zeros(n),
    )


def gap(found: np.ndarray, of: Requests) -> float:
    """Return by how much more is expected of easy requests."""
    return float(found[of.category == "easy", 0].mean() - found[of.category == "hard", 0].mean())


def test_a_category_that_did_well_before_is_expected_to() -> None:
    now = requests(40, judged=False, seed=1)
    assert gap(expected(now, learn(requests(2000))), now) == pytest.approx(0.6, abs=0.1)


def test_without_a_past_the_experiment_itself_says_what_to_expect() -> None:
    now = requests(1000, units=1000)
    assert gap(expected(now), now) == pytest.approx(0.6, abs=0.1)


def test_nothing_of_a_unit_says_what_to_expect_of_it() -> None:
    now = requests(1000, units=50)
    mine = now.unit == "7"
    otherwise = replace(now, quality=np.where(mine, 1 - now.quality, now.quality))
    before, after = expected(now), expected(otherwise)
    assert np.array_equal(before[mine, :2], after[mine, :2])
    assert not np.array_equal(before[~mine, :2], after[~mine, :2])


def test_a_unit_without_a_past_has_none() -> None:
    now = replace(requests(1, judged=False), unit=np.array(["unseen"]))
    assert np.isnan(expected(now, learn(requests(2000)))[0, 2])


@pytest.mark.parametrize("rows", [requests(20), requests(2000, judged=False)])
def test_a_few_requests_or_unjudged_ones_say_nothing(rows: Requests) -> None:
    assert learn(rows) is None
    assert expected(rows).shape == (len(rows), 0)


@pytest.mark.skipif(not DATA.exists(), reason="merged_core is not here")
def test_what_was_known_narrows_the_interval_on_recorded_outcomes() -> None:
    table = read_table(DATA)
    table = replace(table, rows=table.rows[::8])
    contexts = asyncio.run(see(table))
    plain, called, keyed = (
        narrowed(table, contexts, value_usd=0.01, called=called, per_key=per_key)
        for called, per_key in ((False, 1), (True, 1), (False, 5))
    )
    assert (plain.narrower, called.narrower, keyed.narrower) == (
        pytest.approx(0.17, abs=0.03),
        pytest.approx(0.24, abs=0.03),
        pytest.approx(0.33, abs=0.08),
    )
    assert plain.low <= plain.truth <= plain.high
