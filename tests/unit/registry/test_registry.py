"""Models come from settings and a price list; a request narrows them."""

import pytest

from bandit_router.errors import ConfigError, NoEligibleModel, UnknownModel
from bandit_router.registry.catalog import Catalog, build_catalog
from bandit_router.registry.eligible import eligible, needs_of
from bandit_router.settings import ModelSettings
from bandit_router.types import ChatRequest, Hints, ListPrice, Model

LISTED = ListPrice(input_usd_per_token=1e-6, output_usd_per_token=2e-6, context_window=8000, vision=True)


def entry(name: str = "small", **kw: object) -> ModelSettings:
    return ModelSettings.model_validate({"name": name, "target": f"openai/{name}", "tier": 0, **kw})


def catalog(*entries: ModelSettings, listed: ListPrice | None = LISTED) -> Catalog:
    return build_catalog(entries, lambda _target: listed)


def model(name: str, **kw: object) -> Model:
    prices = {"input_usd_per_token": 1e-6, "output_usd_per_token": 1e-5}
    return Model(**{"name": name, "target": name, "tier": 0, **prices, **kw})  # type: ignore[arg-type]


def ask(text: str = "Hello", **params: object) -> ChatRequest:
    return ChatRequest(messages=({"role": "user", "content": text},), params=params)


def allowed(models: list[Model], request: ChatRequest, hints: Hints | None = None) -> list[str]:
    return [a.model for a in eligible(models, request, hints or Hints(), judge_cost_usd=0.0)]


def test_prices_left_out_come_from_the_list() -> None:
    found = catalog(entry()).models[0]
    assert (found.input_usd_per_token, found.output_usd_per_token) == (1e-6, 2e-6)
    assert (found.context_window, found.vision) == (8000, True)


def test_prices_given_go_before_the_list() -> None:
    assert catalog(entry(input_usd_per_million=3.0)).models[0].input_usd_per_token == pytest.approx(3e-6)


def test_a_model_without_a_price_is_named_with_the_line_to_add() -> None:
    with pytest.raises(ConfigError, match=r"'small' has no price.*add .*output_usd_per_million = 0\.0"):
        catalog(entry(input_usd_per_million=1.0), listed=None)


def test_a_free_model_is_a_model_with_a_price_of_zero() -> None:
    free = catalog(entry(input_usd_per_million=0.0, output_usd_per_million=0.0), listed=None)
    assert free.models[0].output_usd_per_token == 0.0


def test_models_stand_in_order_of_tier() -> None:
    assert [m.name for m in catalog(entry("b", tier=1), entry("a", tier=0)).models] == ["a", "b"]


def test_a_tier_stands_for_its_models() -> None:
    found = catalog(entry("b", tier=1), entry("a", tier=0), entry("c", tier=1))
    assert [m.name for m in found.named("tier-1")] == ["b", "c"]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownModel, match="did you mean 'small'"):
        catalog(entry()).named("smal")


def test_the_expected_cost_is_the_prompt_the_usual_answer_and_the_judges() -> None:
    action = eligible([model("m", expected_output_tokens=100)], ask("x" * 396), Hints(), judge_cost_usd=0.5)[0]
    assert action.cost_usd == pytest.approx(100 * 1e-6 + 100 * 1e-5 + 0.5)


def test_a_cap_on_the_answer_caps_its_expected_cost() -> None:
    action = eligible([model("m")], ask("x" * 396, max_tokens=10), Hints(), judge_cost_usd=0.0)[0]
    assert action.cost_usd == pytest.approx(100 * 1e-6 + 10 * 1e-5)


def test_text_parts_and_images_count_as_tokens() -> None:
    parts = [{"type": "text", "text": "x" * 40}, {"type": "image_url", "image_url": {"url": "data:"}}]
    needs = needs_of(ChatRequest(messages=({"role": "user", "content": parts},)))
    assert needs.vision
    assert needs.input_tokens == 1011


@pytest.mark.parametrize(
    ("request_", "hints", "expected"),
    [
        (ask(tools=[{"type": "function"}]), Hints(), ["b"]),
        (ask(response_format={"type": "json_schema"}), Hints(), ["b"]),
        (ask("x" * 8000), Hints(), ["b"]),
        (ask(max_tokens=1000), Hints(), ["b"]),
        (ask(), Hints(allow=frozenset({"b"})), ["b"]),
        (ask(), Hints(deny=frozenset({"a"})), ["b"]),
        (ask(), Hints(region="eu"), ["b"]),
        (ask(), Hints(max_cost_usd=0.0005), ["b"]),
        (ask(), Hints(), ["a", "b"]),
    ],
)
def test_models_that_cannot_take_a_request_are_left_out(
    request_: ChatRequest, hints: Hints, expected: list[str]
) -> None:
    small = model("a", tools=False, json_schema=False, context_window=1000)
    assert allowed([small, model("b", region="eu", output_usd_per_token=1e-7)], request_, hints) == expected


def test_an_image_needs_a_model_that_sees() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:"}}]
    request = ChatRequest(messages=({"role": "user", "content": parts},))
    assert allowed([model("blind"), model("seeing", vision=True)], request) == ["seeing"]


def test_when_no_model_is_left_each_reason_is_told() -> None:
    with pytest.raises(NoEligibleModel, match="a: takes no tools; b: in the request's deny list"):
        allowed([model("a", tools=False), model("b")], ask(tools=[{}]), Hints(deny=frozenset({"b"})))


def test_a_tiny_ceiling_is_told_as_it_is() -> None:
    with pytest.raises(NoEligibleModel, match=r"over the request's \$2e-09"):
        allowed([model("a")], ask(), Hints(max_cost_usd=2e-9))


def fusion(**kw: object) -> ModelSettings:
    return ModelSettings.model_validate({"name": "both", "kind": "fuse", "through": "small", "tier": 2, **kw})


def test_a_fusion_is_called_as_the_model_it_goes_through() -> None:
    made = catalog(entry(api_base="http://x/v1", input_usd_per_million=3.0), fusion()).get("both")
    assert made is not None
    assert (made.target, made.api_base, made.tier, made.fuses) == ("openai/small", "http://x/v1", 2, True)
    assert (made.input_usd_per_token, made.expected_output_tokens) == (pytest.approx(3e-6), 600)


def test_a_fusion_pays_for_reading_two_answers() -> None:
    (action,) = eligible(
        [model("both", fuses=True, expected_output_tokens=600), model("small")], ask("abc"), Hints(), judge_cost_usd=0.0
    )[:1]
    assert (action.fuses, action.cost_usd) == (True, pytest.approx(1201e-6 + 600e-5))


def test_a_fusion_takes_no_tools() -> None:
    made = catalog(entry(), fusion())
    assert allowed(list(made.models), ask(tools=[{"type": "function"}])) == ["small"]


def test_fusions_alone_cannot_take_a_request() -> None:
    with pytest.raises(NoEligibleModel, match="both: fuses the answers of others"):
        allowed([model("both", fuses=True)], ask())


def test_what_a_name_tells_of_a_model_travels_with_its_action() -> None:
    found = catalog(entry(target="openrouter/meta-llama/llama-3.1-8b-instruct")).models
    (action,) = eligible(found, ask(), Hints(), judge_cost_usd=0.0)
    assert (action.family, action.line, action.size_b, action.benchmarks) == ("meta", "llama-3.1", 8.0, ())


def test_what_is_stated_of_a_model_goes_before_its_name() -> None:
    stated = {"family": "us", "size_b": 9.0, "benchmarks": {"mmlu": 0.8, "gpqa": 0.4}}
    found = catalog(entry(target="meta-llama/llama-3.1-8b-instruct", **stated)).models
    (action,) = eligible(found, ask(), Hints(), judge_cost_usd=0.0)
    assert (action.family, action.size_b, action.benchmarks) == ("us", 9.0, (("gpqa", 0.4), ("mmlu", 0.8)))


def test_models_of_makers_that_are_not_known_are_no_kin() -> None:
    assert [model.family for model in catalog(entry("house-a"), entry("house-b")).models] == [None, None]
