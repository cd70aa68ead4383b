import numpy as np
import pytest

from bandit_router.policy.index.prices import Prices
from bandit_router.policy.index.space import Space
from tests.unit.policy.factories import context


def space() -> Space:
    found = Space(dims=4)
    found.note(context("code"))
    found.note(context("chat"))
    return found


def billed(ratio: float, n: int = 200, *, spread: float = 0.0) -> tuple[Prices, Space]:
    prices, at, rng = Prices(), space(), np.random.default_rng(0)
    for _ in range(n):
        paid = ratio * np.exp(spread * rng.normal() - spread**2 / 2)
        prices.note_bill("m", at.point(context("code")).f, listed=1.0, paid=float(paid), space=at)
    return prices, at


def test_a_bill_over_the_list_price_is_learned() -> None:
    prices, at = billed(3.0)
    assert prices.ratios(at.point(context("code")).f)[0] == pytest.approx(3.0, rel=0.05)


def test_the_mean_is_learned_not_the_median() -> None:
    prices, at = billed(1.0, 2000, spread=1.0)
    assert prices.ratios(at.point(context("code")).f)[0] == pytest.approx(1.0, rel=0.2)


def test_the_judges_part_is_taken_off_the_price() -> None:
    prices = Prices()
    prices.note_judging(0.3)
    assert prices.listed(1.0) == pytest.approx(0.7)


def test_a_price_that_is_all_judges_is_still_above_nothing() -> None:
    prices = Prices()
    prices.note_judging(3.0)
    assert prices.listed(1.0) > 0


def test_a_free_call_is_survived() -> None:
    prices, at = billed(0.0)
    assert 0 <= prices.ratios(at.point(context("code")).f)[0] < 0.2


def test_bills_that_are_always_as_listed_break_nothing() -> None:
    prices, at = billed(1.0, n=5000)
    assert prices.ratios(at.point(context("code")).f)[0] == pytest.approx(1.0)
