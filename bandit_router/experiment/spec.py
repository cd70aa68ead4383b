"""What an experiment file may say; it assigns nothing and analyses nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from bandit_router.settings import NonNegative, Positive, Share, Strict

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Unit = Literal["request", "session", "user", "key"]
Labels = Literal["none", "random", "audits"]
Metric = Literal["reward", "quality", "cost_usd", "latency_s", "latency_p95_s", "error_rate", "refusal_rate"]

HIGHER_IS_BETTER: Final[frozenset[Metric]] = frozenset({"reward", "quality"})


def _in_utc(moment: datetime) -> datetime:
    """Read a moment without a time zone as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]


class ArmSpec(Strict):
    """[[arms]]: one policy that takes part."""

    name: Name
    policy: str
    weight: Positive = 1.0
    control: bool = False
    learn_from: Literal["own", "all"] = "own"
    """`own`: a copy of the policy that learns from this arm's requests and probes; `all`: the one everyone has."""
    shadow: bool = False
    """Decides and is logged beside the arm that serves; nothing of it is served."""
    call: bool = False
    """Whether a shadow's models are called and judged off the path; else it only decides, and learns from all."""
    budget_usd_per_day: NonNegative | None = None
    """What that may cost in a day (UTC), by all processes together."""

    @property
    def copied(self) -> bool:
        """Return whether it is a copy of its policy that learns by itself."""
        return self.learn_from == "own" and (self.call or not self.shadow)

    @model_validator(mode="after")
    def _calls_within_a_budget(self) -> ArmSpec:
        if self.call and not self.shadow:
            raise ValueError("call is for an arm with shadow = true; the others serve, and are called in any case")
        if self.call == (self.budget_usd_per_day is None):
            raise ValueError("call = true and budget_usd_per_day go together: what may a day of its answers cost?")
        return self


class GuardrailSpec(Strict):
    """[[guardrails]]: what must not become worse than the control's by more than a margin."""

    metric: Metric
    margin: NonNegative | None = None
    """In the metric's own unit."""
    relative: NonNegative | None = None
    """As a share of what the control has."""

    @model_validator(mode="after")
    def _one_margin(self) -> GuardrailSpec:
        if (self.margin is None) == (self.relative is None):
            raise ValueError("give either margin (in the metric's unit) or relative (a share of the control's value)")
        if self.relative is not None and self.metric == "reward":
            raise ValueError("the reward can be 0 or negative, so a share of it means nothing; give margin")
        return self


class EligibleSpec(Strict):
    """[eligible]: which requests may take part; an empty list lets all."""

    categories: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Names of API keys."""
    regions: tuple[str, ...] = ()


class ExperimentSpec(Strict):
    """One experiment."""

    name: Name | Literal[""] = ""
    """The file's stem when not given."""
    description: str = ""
    arms: tuple[ArmSpec, ...]
    unit: Unit = "request"
    salt: str = ""
    """Changes who gets which arm; the experiment's name when not given."""
    layer: Name = "main"
    """Experiments of one layer never share a unit."""
    slots: tuple[Share, Share] = (0.0, 1.0)
    """The part of the layer's units that this experiment may take."""
    start: Moment | None = None
    end: Moment | None = None
    ramp: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (1.0,)
    """Shares of the eligible units that take part, step by step."""
    ramp_units: Annotated[int, Field(ge=1)] = 500
    """How many units an arm must have since the last step before the next one."""
    automatic: bool = True
    """Whether the service takes the next step, and rolls back, by itself."""
    metric: Metric = "reward"
    min_effect: NonNegative = 0.0
    """The least improvement of the metric that is worth shipping."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    rollback_alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    """How often a guardrail that is just kept may be called broken; several treatments share it."""
    planned_units: Annotated[int, Field(ge=100)] = 4000
    """Where the intervals are to be narrowest, in units over all arms."""
    guardrails: tuple[GuardrailSpec, ...] = ()
    labels: Labels = "none"
    """Which feedback is of answers picked at random, and so may correct the judges.

    `audits`: the reviews of answers that chance queued. `random`: these, and all scores, labels and thumbs.
    """
    eligible: EligibleSpec = EligibleSpec()

    @property
    def seed(self) -> str:
        """What the assignment is salted with."""
        return self.salt or self.name

    @property
    def control(self) -> ArmSpec:
        """The arm that the others are compared with."""
        return next(arm for arm in self.arms if arm.control)

    @property
    def served(self) -> tuple[ArmSpec, ...]:
        """The arms that requests are given to."""
        return tuple(arm for arm in self.arms if not arm.shadow)

    @property
    def treatments(self) -> tuple[ArmSpec, ...]:
        """The served arms but the control."""
        return tuple(arm for arm in self.served if not arm.control)

    @property
    def shadows(self) -> tuple[ArmSpec, ...]:
        """The arms that only decide."""
        return tuple(arm for arm in self.arms if arm.shadow)

    @property
    def called(self) -> tuple[ArmSpec, ...]:
        """The shadows whose models are called."""
        return tuple(arm for arm in self.arms if arm.call)

    @model_validator(mode="after")
    def _one_control(self) -> ExperimentSpec:
        if len(self.arms) < 2:
            raise ValueError("an experiment has two arms at least; add another [[arms]]")
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError("two arms have the same name; names must be unique")
        if [arm.shadow for arm in self.arms if arm.control] != [False]:
            raise ValueError("one arm, and not a shadow, must be the control; mark it with control = true")
        return self

    @model_validator(mode="after")
    def _grows(self) -> ExperimentSpec:
        if list(self.ramp) != sorted(set(self.ramp)):
            raise ValueError("the steps of ramp must grow: a unit that takes part goes on taking part")
        if self.slots[0] >= self.slots[1]:
            raise ValueError("slots must be [from, to] with from below to")
        if self.start and self.end and self.start >= self.end:
            raise ValueError("the experiment ends before it starts")
        return self
