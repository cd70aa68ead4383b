"""The pacer brings mean spend to the budget, whatever the start, and goes on where it was."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bandit_router.errors import CorruptArtifact
from bandit_router.reward.pacer import Pacer
from tests.factories import make_event

BUDGET = 0.001
PRICES = (0.0001, 0.0008, 0.003, 0.02)
QUALITY = (0.5, 0.7, 0.8, 0.85)


def spend(pacer: Pacer, requests: int, *, seed: int) -> float:
    """Let a policy that maximises quality - price / value answer requests; return its mean cost."""
    rng, total = random.Random(seed), 0.0
    for _ in range(requests):
        noisy = [q + rng.gauss(0, 0.1) - p / pacer.value_usd for q, p in zip(QUALITY, PRICES, strict=True)]
        cost = PRICES[noisy.index(max(noisy))] * rng.uniform(0.5, 1.5)
        pacer.spent(cost)
        total += cost
    return total / requests


@pytest.mark.parametrize("start_usd", [0.0003, 0.01, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_mean_spend_meets_the_budget_from_any_start(start_usd: float, seed: int) -> None:
    assert spend(Pacer(budget_usd=BUDGET, start_usd=start_usd), 3000, seed=seed) == pytest.approx(BUDGET, rel=0.03)


def test_debt_is_counted_in_dollars() -> None:
    pacer = Pacer(budget_usd=0.5, start_usd=1.0)
    pacer.spent(2.0)
    assert pacer.debt_usd == pytest.approx(1.5)


def test_overspending_lowers_the_dial_and_saving_raises_it() -> None:
    dear, cheap = (Pacer(budget_usd=1.0, start_usd=1.0) for _ in range(2))
    dear.spent(3.0)
    cheap.spent(0.0)
    assert dear.value_usd < 1.0 < cheap.value_usd


def test_a_restart_goes_on_bit_for_bit() -> None:
    kept = Pacer(budget_usd=BUDGET, start_usd=0.01)
    spend(kept, 500, seed=1)
    restored = Pacer(budget_usd=BUDGET, start_usd=0.5, artifact=kept.dump())
    assert spend(kept, 500, seed=2) == spend(restored, 500, seed=2)
    assert kept.value_usd == restored.value_usd


def test_a_new_budget_keeps_the_dial_and_forgives_the_debt() -> None:
    kept = Pacer(budget_usd=BUDGET, start_usd=0.01)
    spend(kept, 500, seed=1)
    changed = Pacer(budget_usd=BUDGET / 2, start_usd=0.5, artifact=kept.dump())
    assert (changed.value_usd, changed.debt_usd) == (kept.value_usd, 0.0)


def test_a_long_idle_of_the_controller_does_not_wind_it_up() -> None:
    pacer = Pacer(budget_usd=1.0, start_usd=1.0)
    for _ in range(100_000):
        pacer.spent(0.0)
    assert pacer.value_usd < float("inf")
    before = pacer.value_usd
    for _ in range(120_000):
        pacer.spent(2.0)
    assert pacer.value_usd < before


@pytest.mark.parametrize("artifact", [b"{", b"[1, 2]", b"[1, 2, 3, NaN]", b"[0, 1, 0, 0]", b'{"debt": 1}'])
def test_a_damaged_state_is_refused(artifact: bytes) -> None:
    with pytest.raises(CorruptArtifact):
        Pacer(budget_usd=1.0, start_usd=1.0, artifact=artifact)


def test_what_is_run_beside_users_requests_is_not_the_budgets_affair() -> None:
    pacer = Pacer(budget_usd=1.0, start_usd=1.0)
    served = make_event(1)
    pacer.learn([replace(served, decision=replace(served.decision, kind="probe"))])
    assert pacer.debt_usd == 0.0
