"""What a policy file may say, one strict table a kind; it reads no file and builds no policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

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

    does_not_shape_state: ClassVar[frozenset[str]] = frozenset(
        {"name", "description", "min_exploration", "min_judging", "thresholds"}
    )
    """Keys that may change without the learned state becoming useless."""

    name: Name = ""
    """The file's stem when not given."""
    description: str = ""
    min_exploration: Exploration = 0.0
    """Share of starts spread evenly over the eligible models."""

    @property
    def members(self) -> tuple[tuple[str, str], ...]:
        """The policies that this one is made of: each with the key that names it, then its name."""
        return ()


class AskingSpec(PolicySpec):
    """What every kind has that chooses for itself: where the judges are asked."""

    min_judging: Share = 0.05
    """The least share of answers that are judged though their verdict would change nothing."""


class StaticSpec(AskingSpec):
    """Always one model."""

    kind: Literal["static"]
    model: Annotated[str, Field(min_length=1)]
    """A model's name, or @cheapest or @dearest by expected price."""
    tier: Annotated[int, Field(ge=0)] | None = None
    """Where to look for a substitute when the model is not eligible."""


class FixedCascadeSpec(AskingSpec):
    """Start at a tier, climb by thresholds."""

    kind: Literal["fixed_cascade"]
    start: Annotated[int, Field(ge=0)] = 0
    thresholds: AnyThresholds = Thresholds()


class LearningSpec(AskingSpec):
    """What every kind that learns has."""

    state_format: ClassVar[int] = 1
    """Counts the changes that make older learned states useless."""

    learn_from: Literal["all", "own"] = "all"
    """`own`: only requests that this policy, or one made of it, decided."""

    @property
    def does_learn(self) -> bool:
        """Whether a policy of this spec has a state at all."""
        return True


class TaxonomySpec(LearningSpec):
    """Start by the category of a request, then climb by thresholds."""

    does_not_shape_state: ClassVar[frozenset[str]] = PolicySpec.does_not_shape_state | {
        "table",
        "fallback",
        "min_confidence",
        "min_answers",
        "shrinkage",
    }

    kind: Literal["taxonomy"]
    fallback: str
    """The policy that decides requests of a category unknown or not surely known."""
    table: Mapping[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    """Category -> the name of a model, or `tier-0`, `tier-1` ...: the cheapest of it."""
    fit: bool = False
    """Learn the starts from the log instead of reading them from the table."""
    min_confidence: Share = 0.5
    min_answers: NonNegative = 50.0
    """How many judged answers make a category known, with `fit`."""
    shrinkage: Positive = 20.0
    """How many answers the mean over all categories counts as, with `fit`."""
    min_exploration: Exploration = 0.02
    thresholds: AnyThresholds = Thresholds()

    @property
    def members(self) -> tuple[tuple[str, str], ...]:
        """The fallback."""
        return (("fallback", self.fallback),)

    @property
    def does_learn(self) -> bool:
        """Whether the starts are fitted."""
        return self.fit

    @model_validator(mode="after")
    def _either(self) -> TaxonomySpec:
        if self.fit == bool(self.table):
            raise ValueError("give either a [table] of starts or fit = true")
        return self


class LearnedSpec(LearningSpec):
    """Predict every model's quality and take the best buy."""

    does_not_shape_state: ClassVar[frozenset[str]] = PolicySpec.does_not_shape_state | {"climb", "warm_up"}

    kind: Literal["learned"]
    min_exploration: Exploration = 0.05
    warm_up: Annotated[int, Field(ge=0)] = 200
    """How many judged answers to see before choosing by them; starts are spread evenly until then."""
    embedding_dims: Annotated[int, Field(ge=0)] = 32
    """How many leading numbers of the embedding are looked at."""
    climb: bool = False
    """Whether to climb by the thresholds after an answer; else it is served."""
    thresholds: AnyThresholds = Thresholds()


class EmafusionSpec(AskingSpec):
    """Start by the taxonomy where it is sure, by the learned router where not; then climb by thresholds."""

    kind: Literal["emafusion"]
    taxonomy: str
    """A policy of kind `taxonomy`."""
    learned: str
    """The policy that starts the rest."""
    thresholds: AnyThresholds = Thresholds()

    @property
    def members(self) -> tuple[tuple[str, str], ...]:
        """The two parts."""
        return (("taxonomy", self.taxonomy), ("learned", self.learned))


class VwCbSpec(LearningSpec):
    """Learn with Vowpal Wabbit where to start, and what to do after an answer."""

    state_format: ClassVar[int] = 2

    kind: Literal["vw_cb"]
    min_exploration: Exploration = 0.01
    thresholds: AnyThresholds = Thresholds()
    climb: Literal["learned", "thresholds"] = "learned"
    """After an answer: what has been learned of stopping and of each untried model, or the thresholds."""
    gamma_scale: Positive = 1000.0
    """SquareCB: higher explores less."""
    gamma_exponent: Share = 0.5
    """SquareCB: how fast exploration fades with the number of events learned."""
    learning_rate: Positive = 0.1
    power_t: Share = 0.5
    """How fast the step size fades; lower follows change faster."""
    l2: NonNegative = 0.0
    bits: Annotated[int, Field(ge=10, le=26)] = 18
    """Size of the weight table: 2**bits."""
    embedding_dims: Annotated[int, Field(ge=0)] = 16
    """How many leading numbers of the embedding are looked at; more need more events."""


class IndexSpec(LearningSpec):
    """Learn qualities, judges and prices, and go by one number a model: where to start, go on, stop and judge."""

    state_format: ClassVar[int] = 3

    does_not_shape_state: ClassVar[frozenset[str]] = PolicySpec.does_not_shape_state | {
        "exploration_ceiling",
        "gamma_scale",
        "gamma_exponent",
        "thompson_share",
        "judge_curiosity",
    }

    kind: Literal["index"]
    min_exploration: Exploration = 0.002
    """The least share of starts of every eligible model whose expected price is within the ceiling."""
    exploration_ceiling: Positive = 0.5
    """Models dearer than this share of value_usd are not explored by the floor alone."""
    gamma_scale: Positive = 3000.0
    """SquareCB: higher explores less."""
    gamma_exponent: NonNegative = 1.0
    """SquareCB: how fast the exploration of a model fades with what is known of it."""
    thompson_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """A model starts at least with this share of its chance to be the best, by what was ever told of it."""
    judge_curiosity: NonNegative = 0.5
    """How much more of them are judged of models not well known."""
    embedding_dims: Annotated[int, Field(ge=0, le=256)] = 32
    """How many leading numbers of the embedding are looked at."""


class ComponentSpec(Strict):
    """[[components]]: one member of a mixture."""

    policy: str
    weight: Positive = 1.0


class MixtureSpec(PolicySpec):
    """Share the traffic among policies."""

    kind: Literal["mixture"]
    components: Annotated[tuple[ComponentSpec, ...], Field(min_length=1)]

    @property
    def members(self) -> tuple[tuple[str, str], ...]:
        """The components."""
        return tuple(("policy", component.policy) for component in self.components)


Spec = StaticSpec | FixedCascadeSpec | TaxonomySpec | LearnedSpec | EmafusionSpec | VwCbSpec | IndexSpec | MixtureSpec

KINDS: Final[dict[str, type[Spec]]] = {
    "static": StaticSpec,
    "fixed_cascade": FixedCascadeSpec,
    "taxonomy": TaxonomySpec,
    "learned": LearnedSpec,
    "emafusion": EmafusionSpec,
    "vw_cb": VwCbSpec,
    "index": IndexSpec,
    "mixture": MixtureSpec,
}
