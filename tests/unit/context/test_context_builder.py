"""The builder: from a request to a context, whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bandit_router.context import Builder, load_builder
from bandit_router.context.categories import Category
from bandit_router.context.taxonomy import Taxonomy
from bandit_router.errors import ConfigError, EmbeddingFailed
from bandit_router.protocols import ContextBuilder
from bandit_router.settings import ContextSettings
from bandit_router.types import ChatRequest

Ask = Callable[..., ChatRequest]


class Broken:
    dim = 26

    async def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        raise EmbeddingFailed(f"the model is away for {len(texts)} texts")


@pytest.fixture
def taxonomy() -> Taxonomy:
    alpha = Category(name="alpha", description="", examples=("a",), cues=("cat", "dog"))
    beta = Category(name="beta", description="", examples=("b",))
    return Taxonomy.fit((alpha, beta), np.eye(26, dtype=np.float32)[:2])


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("write a python function that merges two sorted lists", "code.generate"),
        ("my program crashes with KeyError: 'user' in views.py, why?", "code.debug"),
        ("SELECT the ten newest rows per user from my postgres table", "data.sql"),
        ("Lena has 14 apples, eats 3 and buys twice as many as she has left. How many now?", "math.arithmetic"),
        ("Find the integral of x^2 sin(x) and the roots of its derivative", "math.advanced"),
        ("Prove that every group of order 4 is abelian.", "math.proof"),
        ("A ball is thrown up with a velocity of 12 m/s. What is its acceleration at the top?", "science.physics"),
        ("Which acid is stronger, HCl or acetic acid, and why is its molar conductivity higher?", "science.chemistry"),
        ("How do ribosomes read RNA to build proteins in the cell?", "science.biology"),
        ("The patient has a fever and a stiff neck. Which diagnosis and treatment?", "medicine"),
        ("Can the defendant be held liable if the contract was never signed?", "law"),
        ("How would a higher interest rate change inflation and unemployment?", "economics"),
        ("Translate 'see you tomorrow' into Spanish", "translate"),
        ("Summarize the following meeting notes in five bullet points", "summarise"),
        ("Write a poem about autumn leaves with a rhyme", "writing.creative"),
        ("Draft an email to a customer whose parcel was lost", "writing.practical"),
        ("Classify the sentiment of this tweet: I love it", "classify"),
        ("hello! how are you doing today", "chat"),
        ("Plan a weekend trip to Prague with a travel schedule", "planning"),
    ],
)
async def test_a_clear_request_finds_its_category(builder: Builder, ask: Ask, text: str, category: str) -> None:
    assert (await builder.build(ask(("user", text)))).category == category


async def test_gibberish_is_other(builder: Builder, ask: Ask) -> None:
    assert (await builder.build(ask(("user", "blorp the frandle")))).category == "other"


async def test_a_bare_follow_up_is_understood_from_the_turns_before(builder: Builder, ask: Ask) -> None:
    before = (
        ("user", "Explain how a court decides if a contract is void"),
        ("assistant", "The court looks at consent."),
    )
    context = await builder.build(ask(*before, ("user", "and what about the second point?")))
    assert context.category == "law"


async def test_a_context_holds_a_unit_vector_surface_and_confidence(builder: Builder, ask: Ask) -> None:
    context = await builder.build(ask(("system", "be kind"), ("user", "hello there")))
    assert (context.embedding.shape, str(context.embedding.dtype)) == ((256,), "float32")
    assert np.linalg.norm(context.embedding) == pytest.approx(1)
    assert context.surface["system"] == 1
    assert 0 < context.confidence <= 1


async def test_the_same_request_gives_the_same_context_bit_by_bit(builder: Builder, ask: Ask) -> None:
    once, fresh = await builder.build(ask(("user", "hi"))), await load_builder(ContextSettings())
    again = await fresh.build(ask(("user", "hi")))
    assert (once.embedding == again.embedding).all()
    assert (once.category, once.confidence, once.key) == (again.category, again.confidence, again.key)


async def test_the_last_message_weighs_more_than_the_turns_before(counting: Any, taxonomy: Taxonomy, ask: Ask) -> None:
    context = await Builder(counting, taxonomy).build(ask(("user", "b before"), ("user", "a last")))
    assert context.embedding[0] > context.embedding[1] > 0


async def test_what_cannot_be_embedded_is_built_from_cues_with_a_warning(
    taxonomy: Taxonomy, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    context = await Builder(Broken(), taxonomy).build(ask(("user", "cat and dog?")))
    assert (context.category, bool(context.embedding.any()), context.surface["questions"]) == ("alpha", False, 0.25)
    assert "the model is away" in caplog.text


async def test_a_warning_does_not_repeat_the_prompt(
    taxonomy: Taxonomy, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    await Builder(Broken(), taxonomy).build(ask(("user", "my secret")))
    assert caplog.records
    assert "secret" not in caplog.text


async def test_a_conversation_without_text_is_other_and_asks_nothing(
    counting: Any, taxonomy: Taxonomy, ask: Ask
) -> None:
    context = await Builder(counting, taxonomy).build(ask(("user", " ")))
    assert (context.category, bool(context.embedding.any())) == ("other", False)
    assert counting.asked == []


async def test_the_key_is_a_sha256_that_the_order_of_keys_does_not_change(builder: Builder) -> None:
    one = ChatRequest(messages=({"role": "user", "content": "x"},))
    other = ChatRequest(messages=({"content": "x", "role": "user"},), params={"temperature": 0})
    keys = {(await builder.build(one)).key, (await builder.build(other)).key}
    assert len(keys) == 1
    assert re.fullmatch("[0-9a-f]{64}", keys.pop())


@pytest.mark.parametrize(
    "params", [{"tools": [{"type": "function"}]}, {"response_format": {"type": "json_object"}}], ids=["tools", "format"]
)
async def test_the_key_changes_with_tools_and_response_format(
    builder: Builder, ask: Ask, params: dict[str, object]
) -> None:
    with_params, without = await builder.build(ask(("user", "x"), **params)), await builder.build(ask(("user", "x")))
    assert with_params.key != without.key


async def test_half_a_surrogate_pair_in_a_request_is_survived(builder: Builder, ask: Ask) -> None:
    assert (await builder.build(ask(("user", "write a poem \ud83d"), ("user", "\udc00 of love")))).embedding.any()


async def test_a_users_categories_are_among_the_builders(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[[categories]]\nname = "pets"\ndescription = ""\nexamples = ["cats"]\n', encoding="utf-8")
    loaded: ContextBuilder = await load_builder(ContextSettings(taxonomy=path, taxonomy_mode="replace"))
    assert isinstance(loaded, Builder)
    assert loaded.categories == ("pets", "other")


async def test_a_hosted_embedder_embeds_examples_once_and_then_prompts(tmp_path: Path, ask: Ask) -> None:
    asked: list[str] = []

    async def call(model: str, texts: Sequence[str]) -> list[list[float]]:
        asked.extend(f"{model}:{text}" for text in texts)
        return [[1.0, 0.0] for _ in texts]

    path = tmp_path / "own.toml"
    path.write_text('[[categories]]\nname = "pets"\ndescription = ""\nexamples = ["cats"]\n', encoding="utf-8")
    settings = ContextSettings(
        taxonomy=path, taxonomy_mode="replace", embedder="litellm", embedder_model="m", embedder_dim=2
    )
    loaded = await load_builder(settings, hosted=call)
    for _ in range(2):
        await loaded.build(ask(("user", "dogs")))
    assert asked == ["m:cats", "m:dogs"]


@pytest.mark.parametrize(
    ("model", "says"), [(None, "add embedder_model"), ("m", 'embedder = "wordllama"')], ids=["no model", "no call"]
)
async def test_a_hosted_embedder_that_is_not_set_up_is_refused(model: str | None, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        await load_builder(ContextSettings(embedder="litellm", embedder_model=model))
