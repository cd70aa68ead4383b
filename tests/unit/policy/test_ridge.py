"""Recursive least squares is ridge regression, whatever the order in which features become known."""

import numpy as np
import pytest

from bandit_router.errors import CorruptArtifact
from bandit_router.policy.ridge import Ridge

RNG = np.random.default_rng(3)
ROWS = RNG.normal(size=(40, 5))
TARGETS = ROWS @ np.array([0.5, -1.0, 0.0, 2.0, 0.1]) + RNG.normal(size=40) * 0.1
NOISE = 0.3


def taught(rows: np.ndarray, targets: np.ndarray) -> Ridge:
    ridge = Ridge(noise=NOISE)
    for row, target in zip(rows, targets, strict=True):
        ridge.learn(row, float(target))
    return ridge


def test_it_is_the_closed_form_of_ridge_regression() -> None:
    weights = np.linalg.solve(ROWS.T @ ROWS + NOISE * np.eye(5), ROWS.T @ TARGETS)
    x = np.array([1.0, 2.0, -1.0, 0.5, 3.0])
    assert taught(ROWS, TARGETS).predict(x) == pytest.approx(float(x @ weights))


def test_a_feature_that_comes_late_was_zero_before() -> None:
    early = ROWS.copy()
    early[:20, 3:] = 0.0
    grown = Ridge(noise=NOISE)
    for place, (row, target) in enumerate(zip(early, TARGETS, strict=True)):
        grown.learn(row[:3] if place < 20 else row, float(target))
    x = np.arange(5.0)
    assert grown.predict(x) == pytest.approx(taught(early, TARGETS).predict(x))


def test_nothing_learned_predicts_zero() -> None:
    assert Ridge(noise=NOISE).predict(np.ones(3)) == 0.0


def test_a_state_comes_back_to_the_bit() -> None:
    ridge = taught(ROWS, TARGETS)
    assert Ridge.load(ridge.dump(), noise=NOISE).dump() == ridge.dump()


@pytest.mark.parametrize("data", [np.zeros(4).tobytes(), np.array([np.nan, 1.0]).tobytes()])
def test_a_state_of_wrong_size_or_not_finite_is_refused(data: bytes) -> None:
    with pytest.raises(CorruptArtifact):
        Ridge.load(data, noise=NOISE)
