"""What litellm's price list says, and when litellm is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bandit_router.providers.litellm import LitellmProvider
from bandit_router.types import ListPrice


def test_importing_the_provider_does_not_import_litellm() -> None:
    code = "import sys, bandit_router.providers.litellm; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_listed_model_has_prices_and_limits(loaded: LitellmProvider) -> None:
    price = loaded.price("openai/gpt-4o-mini")
    assert price == ListPrice(
        input_usd_per_token=1.5e-7,
        output_usd_per_token=6e-7,
        context_window=128_000,
        tools=True,
        vision=True,
        json_schema=True,
    )


def test_a_model_is_found_without_its_provider(loaded: LitellmProvider) -> None:
    assert loaded.price("gpt-4o-mini") == loaded.price("openai/gpt-4o-mini")


@pytest.mark.parametrize("target", ["openai/no-such-model", "ollama/gpt-4o-mini", "", "/"])
def test_an_unlisted_model_has_no_price(loaded: LitellmProvider, target: str) -> None:
    assert loaded.price(target) is None
