"""[[models]] of router.toml: what may be called."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator, model_validator

from bandit_router.settings.base import Positive, Strict

Price = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
"""USD for a million tokens; no more than a dollar for one."""
Tokens = Annotated[int, Field(gt=0, le=1_000_000_000)]
Solved = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
"""The share of a benchmark that a model solves: 0.72, not 72."""
TAKEN: Final = {"auto": "the choice of a policy", "stop": "the end of a cascade", "*": "all models"}
"""What names mean already that no model can have, beside those of tiers."""


class ModelSettings(Strict):
    """[[models]]: one arm."""

    name: Annotated[str, Field(min_length=1)]
    kind: Literal["chat", "fuse"] = "chat"
    """`fuse`: makes one answer of those at hand, by calling the model named by `through`."""
    target: str = ""
    through: str | None = None
    tier: Annotated[int, Field(ge=0, le=1000)] | None = None
    """None: by its price."""
    input_usd_per_million: Price | None = None
    output_usd_per_million: Price | None = None
    context_window: Tokens | None = None
    tools: bool | None = None
    vision: bool | None = None
    json_schema: bool | None = None
    region: str | None = None
    api_base: str | None = None
    api_key_env: str | None = None
    timeout_s: Positive = 60.0
    expected_output_tokens: Tokens = 400
    family: str | None = None
    """Who made it, where its target does not tell: judges of the same family do not grade it."""
    size_b: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] | None = None
    """Billions of parameters; None: read off its target."""
    benchmarks: dict[Annotated[str, Field(min_length=1)], Solved] = Field(default_factory=dict)
    """What is stated of it: the share of each benchmark that it solves."""
    logprobs: bool = False
    """Ask it for the log probabilities of its tokens, for a judge of kind `logprob`."""

    @field_validator("name")
    @classmethod
    def _name_is_free(cls, name: str) -> str:
        if not name.isprintable() or name != name.strip():
            raise ValueError(
                f"{name!r} cannot be printed as it is, or has spaces around it; give the model another name"
            )
        meaning = "all models of a tier" if re.fullmatch(r"tier-\d+", name) else TAKEN.get(name)
        if meaning:
            raise ValueError(f"{name!r} already stands for {meaning}; give the model another name")
        return name

    @model_validator(mode="after")
    def _called_somehow(self) -> ModelSettings:
        if self.kind == "chat" and not self.target:
            raise ValueError(f'{self.name!r} needs what litellm calls it; add target = "openai/gpt-4.1-mini"')
        if self.kind == "fuse" and (self.target or not self.through):
            raise ValueError(f'{self.name!r} fuses through another model: give through = "its name" and no target')
        if self.kind == "chat" and self.through:
            raise ValueError(f'{self.name!r}: `through` is for kind = "fuse"')
        return self
