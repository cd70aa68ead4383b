"""Covariates: what is learned of the past alone, and what it gains on recorded outcomes."""

from pathlib import Path

import numpy as np
import pytest

from bandit_router.experiment.covariates import Past, expect
from simulate.experiments.recorded import narrowed
from simulate.outcomes import read_table

DATA = Path(__file__).parents[4] / "shared" / "data" / "merged_core.jsonl.gz"


def past(n: int, *, judged: bool = True) -> Past:
    rng = np.random.default_rng(0)
    category = rng.choice(["easy", "hard"], n)
    quality = (rng.random(n) < np.where(category == "easy", 0.9, 0.3)).astype(float)
    return Past(
        features=np.empty((n, 0)),
        category=category,
        unit=np.array([f"{i % 5}" for i in range(n)]),
        quality=quality if judged else np.full(n, np.nan),
        offset=np.zeros(n),
    )


def test_a_category_that_did_well_is_expected_to() -> None:
    expected = expect(past(2000))
    assert expected is not None
    easy, hard = expected.of(np.empty((2, 0)), np.array(["easy", "hard"]), np.array(["0", "unseen"]))
    assert easy[0] - hard[0] == pytest.approx(0.6, abs=0.1)


def test_a_unit_without_a_past_has_none() -> None:
    expected = expect(past(2000))
    assert expected is not None
    assert np.isnan(expected.of(np.empty((1, 0)), np.array(["easy"]), np.array(["unseen"]))[0, 2])


@pytest.mark.parametrize("rows", [past(20), past(2000, judged=False)])
def test_a_short_or_unjudged_past_says_nothing(rows: Past) -> None:
    assert expect(rows) is None


@pytest.mark.skipif(not DATA.exists(), reason="merged_core is not here")
@pytest.mark.parametrize("per_key", [1, 5])
def test_what_was_known_narrows_the_interval_on_recorded_outcomes(per_key: int) -> None:
    found = narrowed(read_table(DATA), value_usd=0.01, per_key=per_key)
    assert found.narrower >= 0.15
    assert found.low <= found.truth <= found.high
