"""The models a service knows, built from its settings; it does not choose among them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from bandit_router.errors import ConfigError, UnknownModel
from bandit_router.settings import ModelSettings
from bandit_router.types import ListPrice, Model
from bandit_router.types.naming import known_maker, line_of, size_of

T = TypeVar("T")
PER_MILLION = 1_000_000.0
FUSED_TOKENS = 600
"""What a fused answer usually takes: it holds what two answers say."""

USUAL_PROMPT: Final = 500
"""Tokens, of the call by whose price tiers are told apart."""
APART: Final = 4.0
"""Where no tier is given, a model so many times dearer than the cheapest of a tier stands on the next."""
_NOT_GIVEN: Final = -1

PriceList = Callable[[str], ListPrice | None]


@dataclass(frozen=True, slots=True)
class Catalog:
    """The models in order of tier and price, by name and by tier."""

    models: tuple[Model, ...]

    def get(self, name: str) -> Model | None:
        """Return the model of that name, or None."""
        return next((model for model in self.models if model.name == name), None)

    def tier(self, name: str) -> tuple[Model, ...]:
        """Return the models of a tier, named `tier-0`, `tier-1` ...; none when there is no such tier."""
        return tuple(model for model in self.models if f"tier-{model.tier}" == name)

    @property
    def tiers(self) -> tuple[str, ...]:
        """The names of the tiers, cheapest first."""
        return tuple(f"tier-{tier}" for tier in sorted({model.tier for model in self.models}))

    def named(self, name: str) -> tuple[Model, ...]:
        """Return the models that a model's or a tier's name stands for; raise `UnknownModel` when there are none."""
        model = self.get(name)
        found = (model,) if model else self.tier(name)
        if not found:
            raise UnknownModel(name, [m.name for m in self.models] + list(self.tiers))
        return found


def build_catalog(settings: Sequence[ModelSettings], prices: PriceList) -> Catalog:
    """Return the catalog; what an entry leaves out comes from the price list.

    Raise `ConfigError` when a price is in neither.
    """
    chats = {entry.name: entry for entry in settings if entry.kind == "chat"}
    models = [_model(_called(entry, chats), prices(_called(entry, chats).target)) for entry in settings]
    return Catalog(tuple(sorted(_tiered(models), key=lambda m: (m.tier, m.output_usd_per_token, m.name))))


def resolve_prices(
    *, name: str, given: tuple[float | None, float | None], listed: ListPrice | None
) -> tuple[float, float]:
    """Return (input, output) prices in USD per token: those given (USD per million tokens), else those listed."""
    price_in, price_out = given
    if listed is None and (price_in is None or price_out is None):
        missing = [
            f"{key} = 0.0"
            for key, value in (("input_usd_per_million", price_in), ("output_usd_per_million", price_out))
            if value is None
        ]
        raise ConfigError(
            f"{name!r} has no price: it is not in litellm's price list; "
            f"add to its entry in router.toml: {' and '.join(missing)} (in USD per million tokens)"
        )
    return (
        price_in / PER_MILLION if price_in is not None else listed.input_usd_per_token if listed else 0.0,
        price_out / PER_MILLION if price_out is not None else listed.output_usd_per_token if listed else 0.0,
    )


def _tiered(models: Sequence[Model]) -> list[Model]:
    """Give a tier to each model that has none: that of the nearest in price, or by price alone where none has one."""
    given = [(_log_price(model), model.tier) for model in models if model.tier != _NOT_GIVEN]
    bands = given or _bands([_log_price(model) for model in models])
    return [
        model
        if model.tier != _NOT_GIVEN
        else replace(model, tier=min(bands, key=lambda band: abs(band[0] - _log_price(model)))[1])
        for model in models
    ]


def _bands(prices: Sequence[float]) -> list[tuple[float, int]]:
    """Return logarithms of prices with their tiers, cheapest first."""
    found: list[tuple[float, int]] = []
    cheapest, tier = -math.inf, -1
    for price in sorted(prices):
        if price > cheapest + math.log(APART):
            cheapest, tier = price, tier + 1
        found.append((price, tier))
    return found


def _log_price(model: Model) -> float:
    usual = USUAL_PROMPT * model.input_usd_per_token + model.expected_output_tokens * model.output_usd_per_token
    return math.log(max(usual, 1e-9))


def _called(entry: ModelSettings, chats: Mapping[str, ModelSettings]) -> ModelSettings:
    """Return the entry; one that fuses through another with what is needed to call that."""
    if entry.through is None:
        return entry
    given = entry.model_dump(exclude_unset=True, exclude={"through"})
    return chats[entry.through].model_copy(update={"expected_output_tokens": FUSED_TOKENS, **given})


def _model(entry: ModelSettings, listed: ListPrice | None) -> Model:
    given = (entry.input_usd_per_million, entry.output_usd_per_million)
    price_in, price_out = resolve_prices(name=entry.name, given=given, listed=listed)
    return Model(
        name=entry.name,
        target=entry.target,
        tier=_NOT_GIVEN if entry.tier is None else entry.tier,
        input_usd_per_token=price_in,
        output_usd_per_token=price_out,
        context_window=_first(entry.context_window, listed.context_window if listed else None),
        # A call of a tool cannot be made of two.
        tools=entry.kind == "chat" and bool(_first(entry.tools, listed.tools if listed else None, True)),
        vision=bool(_first(entry.vision, listed.vision if listed else None, False)),
        json_schema=bool(_first(entry.json_schema, listed.json_schema if listed else None, True)),
        region=entry.region,
        api_base=entry.api_base,
        api_key_env=entry.api_key_env,
        timeout_s=entry.timeout_s,
        expected_output_tokens=entry.expected_output_tokens,
        fuses=entry.kind == "fuse",
        family=entry.family or known_maker(entry.target),
        logprobs=entry.logprobs,
        line=line_of(entry.target),
        size_b=_first(entry.size_b, size_of(entry.target)),
        benchmarks=tuple(sorted(entry.benchmarks.items())),
    )


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)
