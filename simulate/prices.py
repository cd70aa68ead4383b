"""Derives list prices and token counts from a table's recorded costs, so that tokens x price gives those costs back.

Where a model's tokens are recorded, its prices are the non-negative least squares fit of cost on tokens, scaled so that
the mean cost is met. Where they are not, the input is counted as characters / 4, its price is half of the lowest cost
per input token (so that no request costs less than its input), the rest of the mean cost is spread over 400 output
tokens, and each request's output tokens are chosen to meet its recorded cost.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulate.outcomes import Arm, Row, Table

MEAN_OUTPUT_TOKENS: Final = 400
CHARS_PER_TOKEN: Final = 4
JUDGE_PRICE: Final = (1e-7, 4e-7)
"""USD per input and output token of the fleet's judge: about $0.00005 a verdict on a prompt of usual length."""

Price = tuple[float, float]
"""USD per input token, USD per output token."""


def price_list(table: Table) -> dict[str, Price]:
    """Return each model's (input, output) price in USD per token, cheapest model first."""
    return {model: _price(table, model) for model in table.models}


def usage(row: Row, arm: Arm, price: Price) -> tuple[int, int]:
    """Return (input, output) tokens that at `price` cost what was recorded, as nearly as whole tokens allow."""
    if recorded := _recorded(arm):
        return recorded
    input_tokens = count_tokens(row.prompt)
    if price[1] == 0:
        return input_tokens, MEAN_OUTPUT_TOKENS
    return input_tokens, max(1, round((arm.cost_usd - input_tokens * price[0]) / price[1]))


def count_tokens(text: str) -> int:
    """Estimate the tokens of a text as characters / 4, at least 1."""
    return max(1, round(len(text) / CHARS_PER_TOKEN))


def _price(table: Table, model: str) -> Price:
    arms = [row.arms[model] for row in table.rows]
    known = [(tokens, arm.cost_usd) for arm in arms if (tokens := _recorded(arm))]
    if known:
        return _fit(np.array([tokens for tokens, _ in known], dtype=np.float64), np.array([cost for _, cost in known]))
    return _spread(table, np.array([arm.cost_usd for arm in arms]))


def _recorded(arm: Arm) -> tuple[int, int] | None:
    """Return an arm's (input, output) tokens, None when they were not recorded or are all zero."""
    if arm.input_tokens is None or arm.output_tokens is None or arm.input_tokens + arm.output_tokens == 0:
        return None
    return arm.input_tokens, arm.output_tokens


def _fit(tokens: NDArray[np.float64], cost: NDArray[np.float64]) -> Price:
    """Return the non-negative least squares prices, scaled to the mean cost; shapes (n, 2), (n,)."""
    prices = np.linalg.lstsq(tokens, cost, rcond=None)[0]
    if (prices < 0).any():
        only_output = np.array([0.0, _slope(tokens[:, 1], cost)])
        only_input = np.array([_slope(tokens[:, 0], cost), 0.0])
        prices = min((only_output, only_input), key=lambda p: float(np.square(tokens @ p - cost).sum()))
    predicted = float((tokens @ prices).sum())
    scale = float(cost.sum()) / predicted if predicted else 0.0
    return float(prices[0]) * scale, float(prices[1]) * scale


def _slope(tokens: NDArray[np.float64], cost: NDArray[np.float64]) -> float:
    return float(tokens @ cost) / max(float(tokens @ tokens), 1.0)


def _spread(table: Table, cost: NDArray[np.float64]) -> Price:
    tokens = np.array([count_tokens(row.prompt) for row in table.rows])
    per_input = 0.5 * float((cost / tokens).min())
    return per_input, float((cost - per_input * tokens).mean()) / MEAN_OUTPUT_TOKENS
