"""The fates of the fleet's calls, drawn from the seed, and the orders that change them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from simulate.fleet.conditions import Condition, Conditions
from simulate.fleet.options import FleetOptions
from simulate.fleet.protocol import WireError

CALLS = 4000


def conditions(**options: Any) -> Conditions:
    return Conditions(("tiny", "huge"), FleetOptions(**options), judges=("judge",))


def endings(of: Conditions, model: str = "tiny") -> list[str]:
    return [of.next_fate(model).ending for _ in range(CALLS)]


def test_faults_come_at_the_rates_asked_for() -> None:
    shares = Counter(endings(conditions(error_rate=0.1, rate_limit_rate=0.2, timeout_rate=0.3)))
    expected = {"error": 0.1, "rate_limit": 0.2, "hang": 0.3, "answer": 0.4}
    assert {ending: n / CALLS for ending, n in shares.items()} == pytest.approx(expected, abs=0.03)


def test_the_same_seed_draws_the_same_fates() -> None:
    assert endings(conditions(error_rate=0.5, seed=3)) == endings(conditions(error_rate=0.5, seed=3))


def test_another_seed_draws_other_fates() -> None:
    assert endings(conditions(error_rate=0.5, seed=3)) != endings(conditions(error_rate=0.5, seed=4))


def test_the_judge_is_spared_the_models_faults() -> None:
    assert set(endings(conditions(error_rate=1.0), "judge")) == {"answer"}


def test_latency_has_the_mean_asked_for_and_jitters() -> None:
    well = conditions(latency_ms=200)
    delays = [well.next_fate("judge").delay_s for _ in range(CALLS)]
    assert sum(delays) / CALLS == pytest.approx(0.2, rel=0.03)
    assert max(delays) > 1.3 * min(delays)


def test_without_latency_nothing_is_waited_for() -> None:
    assert conditions().next_fate("tiny").delay_s == 0


def test_an_order_changes_what_it_names_and_nothing_else() -> None:
    now = conditions(error_rate=0.25)
    assert now.change({"model": "tiny", "degrade_to": "huge"}) == Condition(error_rate=0.25, degrade_to="huge")


def test_an_order_leaves_other_models_alone() -> None:
    now = conditions()
    now.change({"model": "tiny", "down": True})
    assert not now.of("huge").down


def test_a_model_can_be_taken_out_and_put_back() -> None:
    now = conditions()
    now.change({"model": "tiny", "listed": False})
    assert now.listed() == ["huge", "judge"]
    now.change({"model": "tiny", "listed": True})
    assert now.listed() == ["tiny", "huge", "judge"]


def test_an_unknown_model_is_met_with_the_nearest_name() -> None:
    with pytest.raises(WireError, match="did you mean 'tiny'"):
        conditions().next_fate("tinny")


@pytest.mark.parametrize(
    ("order", "status", "words"),
    [
        ({"model": "none", "down": True}, 404, "no model 'none'"),
        ({"down": True}, 404, "no model None"),
        ({"model": "tiny", "eror_rate": 1}, 400, "did you mean 'error_rate'"),
        ({"model": "tiny", "error_rate": 1.5}, 400, "'error_rate' cannot be 1.5"),
        ({"model": "tiny", "latency_ms": -1}, 400, "'latency_ms' cannot be -1"),
        ({"model": "tiny", "down": "yes"}, 400, "'down' cannot be 'yes'"),
        ({"model": "tiny", "degrade_to": "none"}, 400, "'degrade_to' cannot be 'none'"),
        ({"model": "tiny", "degrade_to": "judge"}, 400, "'degrade_to' cannot be 'judge'"),
        ({"model": "tiny", "degrade_to": []}, 400, "'degrade_to' cannot be"),
        ({"model": "tiny", "says": 7}, 400, "'says' cannot be 7"),
        ({"model": "tiny", "fingerprint": None}, 400, "'fingerprint' cannot be None"),
    ],
)
def test_a_wrong_order_is_refused_with_a_reason(order: dict[str, Any], status: int, words: str) -> None:
    with pytest.raises(WireError, match=words) as caught:
        conditions().change(order)
    assert caught.value.status == status


def test_a_wrong_order_changes_nothing() -> None:
    now = conditions()
    with pytest.raises(WireError):
        now.change({"model": "tiny", "down": True, "error_rate": 7})
    assert now.of("tiny") == Condition()
