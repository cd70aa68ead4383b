"""Reads public price lists as litellm has them; whether one that was fetched is to be believed is not its say."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

from bandit_router.errors import ProviderError
from bandit_router.types import ListPrice

TIMEOUT_S: Final = 10.0
"""For each answer of the other side ..."""
LONGEST_S: Final = 60.0
"""... and for all of it."""
MOST_BYTES: Final = 32_000_000
PART_BYTES: Final = 65_536

Listed = Mapping[str, Mapping[str, Any]]
"""Entries by litellm's names of models."""


def list_price(listed: Listed, target: str) -> ListPrice | None:
    """Return what a list says of a target, None when it does not know its prices.

    `openai/gpt-4o-mini` may be listed as `gpt-4o-mini` of provider `openai`.
    """
    provider, _, bare = target.partition("/")
    entry = listed.get(bare, {})
    entry = listed.get(target) or (entry if str(entry.get("litellm_provider", "")).startswith(provider) else {})
    price_in, price_out = _number(entry.get("input_cost_per_token")), _number(entry.get("output_cost_per_token"))
    if price_in is None or price_out is None:
        return None
    return ListPrice(
        input_usd_per_token=price_in,
        output_usd_per_token=price_out,
        context_window=entry.get("max_input_tokens") or entry.get("max_tokens"),
        tools=entry.get("supports_function_calling"),
        vision=entry.get("supports_vision"),
        json_schema=entry.get("supports_response_schema"),
    )


def fetch_price_list(url: str, *, clock: Callable[[], float] = time.monotonic) -> Listed:
    """Return the list at an address; raise `ProviderError` when it is not there within a minute, or is none."""
    try:
        found = json.loads(_read(url, until=clock() + LONGEST_S, clock=clock))
        return {str(name): entry for name, entry in found.items() if isinstance(entry, dict)}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise ProviderError("error", f"{url} gave no price list: {error}") from error


def _read(url: str, *, until: float, clock: Callable[[], float]) -> bytes:
    request = urllib.request.Request(url, headers={"user-agent": "bandit-router"})
    body = bytearray()
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
        while part := response.read1(PART_BYTES):
            body += part
            if len(body) > MOST_BYTES:
                raise ValueError(f"it is longer than {MOST_BYTES} bytes")
            if clock() > until:
                raise TimeoutError(f"it took longer than {LONGEST_S:g} s")
    return bytes(body)


def _number(value: object) -> float | None:
    """Return a number, or one that is written as text; None for anything else."""
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
