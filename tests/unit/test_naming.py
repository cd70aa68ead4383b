"""A model's name tells who made it, its line and its size, as far as it does."""

import pytest

from bandit_router.types.naming import known_maker, line_of, maker_of, size_of


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("openai/gpt-4.1-mini", "gpt-4.1"),
        ("gpt-4o-2024-05-13", "gpt-4o"),
        ("gemini/gemini-1.5-flash", "gemini-1.5"),
        ("Meta-Llama-3.1-70B-Instruct", "llama-3.1"),
        ("openrouter/meta-llama/llama-3.1-8b-instruct", "llama-3.1"),
        ("bedrock/us.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3"),
        ("together_ai/Qwen/Qwen2.5-72B-Instruct", "qwen-2.5"),
    ],
)
def test_a_line_is_the_words_up_to_a_version(target: str, line: str) -> None:
    assert line_of(target) == line


@pytest.mark.parametrize("target", ["mistral-large-2512", "mistral-7b-instruct-v0.3", "deepseek-chat", "phi-4k"])
def test_dates_sizes_and_lengths_are_no_versions(target: str) -> None:
    assert line_of(target) is None


@pytest.mark.parametrize(
    ("target", "size"),
    [
        ("llama-3.1-8b-instruct", 8.0),
        ("Qwen2.5-0.5B", 0.5),
        ("mixtral-8x7b", 56.0),
        ("qwen3-235b-a22b", 235.0),
        ("gpt-4o", None),
        ("model-4bit", None),
        ("zero-0b", None),
    ],
)
def test_a_size_is_read_where_a_name_has_one(target: str, size: float | None) -> None:
    assert size_of(target) == size


def test_a_name_that_is_not_known_has_no_known_maker_and_is_its_own_to_judges() -> None:
    assert (known_maker("openai/house-model"), maker_of("openai/house-model")) == (None, "house")
    assert known_maker("openrouter/anthropic/claude-sonnet-4-5") == "anthropic"
