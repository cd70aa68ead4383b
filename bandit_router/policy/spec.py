"""What a policy file may say, one strict table a kind; it reads no file and builds no policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field

from bandit_router.settings import NonNegative, Positive, Share, Strict

Exploration = Annotated[float, Field(ge=0, le=0.2, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Thresholds(Strict):
    """The judged quality in [0, 1] at which an answer is good enough, by the tier that gave it."""

    default: Share = 0.7
    """For every tier that is not named."""
    tiers: Mapping[int, Share] = Field(default_factory=dict)

    def of(self, tier: int) -> float:
        """Return the threshold of a tier.

        >>> Thresholds(tiers={0: 0.9}).of(0), Thresholds().of(3)
        (0.9, 0.7)
        """
        return self.tiers.get(tier, self.default)


def _thresholds(value: Any) -> Any:
    """Accept one number for all tiers, a list from tier 0 up (its last holds for the rest), or a table by tier."""
    if isinstance(value, int | float):
        return {"default": value}
    if isinstance(value, list) and value:
        return {"default": value[-1], "tiers": dict(enumerate(value))}
    if isinstance(value, dict):
        tiers = {key: number for key, number in value.items() if str(key).isdecimal()}
        rest = {key: number for key, number in value.items() if key not in tiers}
        return {**rest, "tiers": {**rest.get("tiers", {}), **tiers}} if tiers else value
    return value


AnyThresholds = Annotated[Thresholds, BeforeValidator(_thresholds)]


class PolicySpec(Strict):
    """What every kind has."""

    does_not_shape_state: ClassVar[frozenset[str]] = frozenset({"name", "description", "min_exploration", "thresholds"})
    """Keys that may change without the learned state becoming useless."""

    name: Name = ""
    """The file's stem when not given."""
    description: str = ""
    min_exploration: Exploration = 0.0
    """Share of starts spread evenly over the eligible models."""


class StaticSpec(PolicySpec):
    """Always one model."""

    kind: Literal["static"]
    model: Annotated[str, Field(min_length=1)]
    """A model's name, or @cheapest or @dearest by expected price."""
    tier: Annotated[int, Field(ge=0)] | None = None
    """Where to look for a substitute when the model is not eligible."""


class FixedCascadeSpec(PolicySpec):
    """Start at a tier, climb by thresholds."""

    kind: Literal["fixed_cascade"]
    start: Annotated[int, Field(ge=0)] = 0
    thresholds: AnyThresholds = Thresholds()


class VwCbSpec(PolicySpec):
    """Learn where to start with Vowpal Wabbit, then climb by thresholds."""

    state_format: ClassVar[int] = 1
    """Counts the changes of features that make older learned states useless."""

    kind: Literal["vw_cb"]
    min_exploration: Exploration = 0.01
    thresholds: AnyThresholds = Thresholds()
    learn_from: Literal["all", "own"] = "all"
    """`own`: only requests that this policy, or a mixture holding it, decided."""
    gamma_scale: Positive = 100.0
    """SquareCB: higher explores less."""
    gamma_exponent: Share = 0.5
    """SquareCB: how fast exploration fades with the number of events learned."""
    learning_rate: Positive = 0.25
    power_t: Share = 0.5
    """How fast the step size fades; lower follows change faster."""
    l2: NonNegative = 0.0
    bits: Annotated[int, Field(ge=10, le=26)] = 18
    """Size of the weight table: 2**bits."""
    embedding_dims: Annotated[int, Field(ge=0)] = 16
    """How many leading numbers of the embedding are looked at; more need more events."""


class ComponentSpec(Strict):
    """[[components]]: one member of a mixture."""

    policy: str
    weight: Positive = 1.0


class MixtureSpec(PolicySpec):
    """Share the traffic among policies."""

    kind: Literal["mixture"]
    components: Annotated[tuple[ComponentSpec, ...], Field(min_length=1)]


Spec = StaticSpec | FixedCascadeSpec | VwCbSpec | MixtureSpec

KINDS: Final[dict[str, type[Spec]]] = {
    "static": StaticSpec,
    "fixed_cascade": FixedCascadeSpec,
    "vw_cb": VwCbSpec,
    "mixture": MixtureSpec,
}
