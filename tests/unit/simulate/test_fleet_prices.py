"""Prices and token counts give the recorded costs back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from simulate.outcomes import Arm, Table, demo_table, example_paths
from simulate.prices import count_tokens, price_list, usage


def costs(table: Table, model: str) -> tuple[list[float], list[float]]:
    """What each request costs at list price, and what was recorded."""
    price = price_list(table)[model]
    tokens = [usage(row, row.arms[model], price) for row in table.rows]
    return [i * price[0] + o * price[1] for i, o in tokens], [row.arms[model].cost_usd for row in table.rows]


def assert_mean_costs_are_reproduced(table: Table) -> None:
    for model in table.models:
        charged, recorded = costs(table, model)
        assert sum(charged) == pytest.approx(sum(recorded), rel=0.01)


def with_arms(table: Table, make: Callable[[int], Arm]) -> Table:
    rows = tuple(replace(row, arms={"m": make(i)}) for i, row in enumerate(table.rows))
    return Table(rows=rows, models=("m",))


def test_without_tokens_every_request_costs_what_was_recorded(table: Table) -> None:
    for model in table.models:
        charged, recorded = costs(table, model)
        assert charged == pytest.approx(recorded, rel=0.01)


def test_without_tokens_a_mean_request_has_400_output_tokens(table: Table) -> None:
    price = price_list(table)["huge"]
    outputs = [usage(row, row.arms["huge"], price)[1] for row in table.rows]
    assert sum(outputs) / len(outputs) == pytest.approx(400, abs=1)


def test_from_recorded_tokens_the_prices_behind_the_costs_are_found(table: Table) -> None:
    def arm(i: int) -> Arm:
        tokens = (10 + i % 9, 50 + 7 * i % 31)
        cost = tokens[0] * 2e-6 + tokens[1] * 8e-6
        return Arm(score=1.0, cost_usd=cost, input_tokens=tokens[0], output_tokens=tokens[1])

    assert price_list(with_arms(table, arm))["m"] == pytest.approx((2e-6, 8e-6))


def test_recorded_tokens_are_returned_as_they_were(table: Table) -> None:
    arm = Arm(score=1.0, cost_usd=0.5, input_tokens=11, output_tokens=22)
    assert usage(table.rows[0], arm, (1.0, 1.0)) == (11, 22)


def test_prices_are_never_negative_and_meet_the_mean_even_when_tokens_mislead(table: Table) -> None:
    misleading = with_arms(
        table, lambda i: Arm(score=1.0, cost_usd=1e-3 / (1 + i), input_tokens=100 + i, output_tokens=100 - i)
    )
    assert min(price_list(misleading)["m"]) >= 0
    assert_mean_costs_are_reproduced(misleading)


def test_a_row_without_tokens_among_rows_with_them_costs_what_was_recorded(table: Table) -> None:
    def arm(i: int) -> Arm:
        tokens = (100 + i % 9, 500 + 7 * i % 31)
        known = Arm(
            score=1.0,
            cost_usd=(tokens[0] + 4 * tokens[1]) * 1e-6,
            input_tokens=tokens[0],
            output_tokens=tokens[1],
        )
        return replace(known, input_tokens=None, output_tokens=None) if i == 5 else known

    charged, recorded = costs(with_arms(table, arm), "m")
    assert charged[5] == pytest.approx(recorded[5], rel=0.01)


def test_a_free_model_has_price_zero(table: Table) -> None:
    assert price_list(with_arms(table, lambda _: Arm(score=1.0, cost_usd=0.0)))["m"] == (0.0, 0.0)


def test_a_text_has_a_token_per_four_characters_and_at_least_one() -> None:
    assert (count_tokens("x" * 40), count_tokens("")) == (10, 1)


@pytest.mark.parametrize(
    "name", ["pareto_3judges_val.jsonl.gz", "pareto_k4_answers.jsonl.gz", "pareto_k4_val.jsonl.gz"]
)
def test_recorded_tables_keep_their_mean_costs(shared_table: Callable[[str], Table], name: str) -> None:
    assert_mean_costs_are_reproduced(shared_table(name))


def test_the_demo_table_keeps_its_mean_costs() -> None:
    if not example_paths():
        pytest.skip("the demo extra is not installed")
    assert_mean_costs_are_reproduced(demo_table(None))
