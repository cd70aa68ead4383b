"""The models a service may call, their prices and states; no rules live here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

ModelState = Literal["candidate", "probing", "active", "degraded", "retired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An arm: one callable model with its tier, prices (USD per token) and limits."""

    name: str
    target: str
    """What the provider is asked for, in litellm's notation: `openai/gpt-4o-mini`."""
    tier: int
    input_usd_per_token: float
    output_usd_per_token: float
    context_window: int | None = None
    """Tokens of prompt and answer together; None when unknown (never filtered on)."""
    tools: bool = True
    vision: bool = False
    json_schema: bool = True
    region: str | None = None
    api_base: str | None = None
    api_key_env: str | None = None
    timeout_s: float = 60.0
    expected_output_tokens: int = 400
    """Used to price an action before the model has answered."""
    fuses: bool = False
    """Makes one answer of those at hand, so it can be called only once there are two."""
    family: str | None = None
    """Who made it; None leaves that to be read off the target."""
    logprobs: bool = False
    """Whether it is asked for the log probabilities of its tokens."""
    line: str | None = None
    """The line of models it belongs to, `llama-3.1`; this and what follows tell what to expect of a newcomer."""
    size_b: float | None = None
    """Billions of parameters; None where that is not known."""
    benchmarks: tuple[tuple[str, float], ...] = ()
    """What is stated of it: (benchmark, share solved, in (0, 1))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPrice:
    """What a public price list says of a model: USD per token, limits, abilities; None where it says nothing."""

    input_usd_per_token: float
    output_usd_per_token: float
    context_window: int | None = None
    tools: bool | None = None
    vision: bool | None = None
    json_schema: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """What is kept of a model besides router.toml: its state since when and why, with the numbers of that change."""

    name: str
    state: ModelState
    """`candidate`: waits to be probed. `probing`: answers beside users' requests, and serves none. `degraded`: its
    answers got worse; it is still offered. `retired`: it is not offered."""
    since: datetime
    reason: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    entry: Mapping[str, Any] | None = None
    """Its configuration, as an entry of [[models]] has it, where it was added at run time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEvent:
    """Something that happened to a model, or to all of them (`*`)."""

    model: str
    at: datetime
    reason: str
    before: ModelState | None = None
    state: ModelState | None = None
    """The state from then on; None where it was left alone."""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    """What happened, where several processes may notice it: entered once only."""
    changed: bool = False
    """Its answers are no longer what was learned of them: whoever learns is told in the journal, and forgets faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One probe beside what the user got for the same request; all but the category in units of the dial.

    `quality` in [0, 1] is that of the answer, None when it failed or could not be judged; `cost` is the call's,
    `judging` the judges'; `baseline` is quality - cost of what was served, None when that is not known.
    """

    category: str
    quality: float | None
    cost: float
    judging: float
    baseline: float | None
    gain: float | None = None
    """By how much more the request was expected to come to with the model among those on offer; None: not predicted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """A request that a newcomer might have been probed with, whether or not it was: its category and `gain`, see above.

    `made` is how many probes of the model there had been.
    """

    made: int
    category: str
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Since when a model was not probed, and how many of the newest requests of users were made after that."""

    since: datetime
    requests: int
