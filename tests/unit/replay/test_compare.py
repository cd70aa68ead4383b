"""A version is held back for what it would cost, not for what nobody would notice."""

from __future__ import annotations

import pytest

from bandit_router.evaluate import Estimate
from bandit_router.replay.compare import NEGLIGIBLE, Comparison


def found(low: float, high: float) -> Comparison:
    difference = Estimate(value=(low + high) / 2, low=low, high=high, n=500, ess=400.0)
    return Comparison(decisions=500, difference=difference)


@pytest.mark.parametrize(
    ("low", "high", "worse"),
    [(-0.3, -0.1, True), (-0.3, 0.1, False), (-1e-5, -1e-6, False), (-0.2, -2 * NEGLIGIBLE, True)],
)
def test_worse_is_what_loses_more_than_is_negligible_in_the_whole_interval(
    low: float, high: float, worse: bool
) -> None:
    assert found(low, high).worse is worse


def test_what_the_log_cannot_tell_is_not_worse() -> None:
    assert not Comparison(decisions=12, why="only 12 recent decisions").worse
