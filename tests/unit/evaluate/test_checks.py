"""Arrays that are no log are refused by name, with the argument at fault."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bandit_router.errors import UnknownEstimator, UnusableLog
from bandit_router.evaluate import estimate

GOOD: dict[str, Any] = {
    "reward": [1.0, 0.0, 0.5],
    "propensity": [0.5, 0.25, 1.0],
    "target_prob": [[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]],
    "action": [0, 1, 1],
    "q_hat": [[0.5, 0.5]] * 3,
}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("reward", []),
        ("reward", [[1.0], [0.0], [0.5]]),
        ("reward", [1.0, np.nan, 0.5]),
        ("reward", [1.0, np.inf, 0.5]),
        ("reward", ["good", "bad", "good"]),
        ("propensity", [0.5, 0.25]),
        ("propensity", [0.5, 0.0, 1.0]),
        ("propensity", [0.5, -0.1, 1.0]),
        ("propensity", [0.5, 1.1, 1.0]),
        ("propensity", [0.5, np.nan, 1.0]),
        ("target_prob", [0.5, 1.5, 0.0]),
        ("target_prob", [0.5, np.nan, 0.0]),
        ("target_prob", [0.5, 0.5]),
        ("target_prob", [[0.5, 0.4], [1.0, 0.0], [0.0, 1.0]]),
        ("action", [0, 2, 1]),
        ("action", [0, -1, 1]),
        ("action", [0.0, 1.0, 1.0]),
        ("action", None),
        ("q_hat", [[0.5, 0.5, 0.5]] * 3),
        ("q_hat", [[0.5, np.nan]] * 3),
        ("q_hat", None),
        ("observed", [True, False, True]),
        ("reward_range", (0.0, 0.6)),
        ("reward_range", (1.0, 1.0)),
        ("alpha", 0.0),
        ("alpha", 1.0),
        ("clip", 10.0),
    ],
)
def test_what_is_wrong_is_named(argument: str, value: object) -> None:
    with pytest.raises(UnusableLog) as caught:
        estimate("dr", **{**GOOD, argument: value})
    named = {"observed": "observe_prob"}.get(argument, argument)
    assert caught.value.argument in (named, "reward") if argument == "reward_range" else caught.value.argument == named


def test_the_row_at_fault_is_named() -> None:
    with pytest.raises(UnusableLog, match="propensity: row 1"):
        estimate("ips", **{**GOOD, "propensity": [0.5, 0.0, 1.0]})


def test_a_model_needs_the_whole_pmf() -> None:
    with pytest.raises(UnusableLog, match="target_prob: must have shape"):
        estimate("dr", **{**GOOD, "target_prob": [0.5, 0.5, 0.5]})


def test_an_unknown_estimator_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownEstimator, match="did you mean 'snips'"):
        estimate("snip", **GOOD)


@pytest.mark.parametrize(("name", "key"), [("ips", "clip"), ("switch_dr", "tau"), ("dros", "lambda_")])
def test_a_shrinkage_that_is_none_is_refused(name: str, key: str) -> None:
    with pytest.raises(UnusableLog, match=key):
        estimate(name, **GOOD, **{key: 0.0})


def test_a_log_nobody_judged_is_refused() -> None:
    with pytest.raises(UnusableLog, match="no reward was observed"):
        estimate("snips", **{**GOOD, "reward": [np.nan] * 3}, observe_prob=[0.5] * 3)


def test_rewards_below_zero_are_taken_to_be_in_the_router_s_own_range() -> None:
    found = estimate("cressie_read", reward=[-0.5, 0.5], propensity=[0.5, 0.5], target_prob=[0.0, 0.0])
    assert (found.low, found.high) == (-1.0, 1.0)
