"""[[judges]] of router.toml: who says how good answers are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bandit_router.settings.base import NonNegative, Positive, Share, Strict

_ASKING = ("llm", "pairwise")
"""The kinds of judges that ask a model."""
_HINTING = ("consistency", "relevance", "logprob")
"""The kinds whose scores go up with quality and are no estimate of it."""
_HINT_WEIGHT = 0.25
_FOR_ASKING = (
    "target",
    "input_usd_per_million",
    "output_usd_per_million",
    "api_base",
    "api_key_env",
    "family",
    "graders",
    "criteria",
    "max_cost_usd",
)


class GraderSettings(Strict):
    """[[judges.graders]]: a model that grades where those before it are of the family to be graded."""

    target: Annotated[str, Field(min_length=1)]
    input_usd_per_million: NonNegative | None = None
    output_usd_per_million: NonNegative | None = None
    api_base: str | None = None
    api_key_env: str | None = None
    family: str | None = None


class JudgeSettings(Strict):
    """[[judges]]: one member of the panel."""

    kind: Literal["rules", "llm", "pairwise", "consistency", "logprob", "relevance"]
    name: str = ""
    target: str | None = None
    """The grading model, for the kinds `llm` and `pairwise`."""
    input_usd_per_million: NonNegative | None = None
    output_usd_per_million: NonNegative | None = None
    api_base: str | None = None
    api_key_env: str | None = None
    family: str | None = None
    graders: tuple[GraderSettings, ...] = ()
    """Further models, for answers of the family of those before."""
    criteria: dict[str, str] = Field(default_factory=dict)
    """What to look at above all, by category."""
    weight: Positive | None = None
    """In the panel's mean before any label; None: by its kind."""
    share: Share = 1.0
    """Of the answers judged, how many it is asked about."""
    timeout_s: Positive = 20.0
    cost_usd: NonNegative | None = None
    """What a verdict is expected to cost."""
    max_cost_usd: Positive | None = None
    """What a verdict may cost."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> JudgeSettings:
        if self.kind in _ASKING and not self.target:
            raise ValueError(f'a judge of kind "{self.kind}" needs a target; add target = "openai/gpt-4o-mini"')
        if self.kind not in _ASKING and (wrong := [name for name in _FOR_ASKING if getattr(self, name)]):
            kinds = " and ".join(_ASKING)
            raise ValueError(f'a judge of kind "{self.kind}" has no {wrong[0]}, which is for {kinds}; take it out')
        if self.kind == "rules" and self.share != 1:
            raise ValueError("rules are free and see every answer; take share out")
        return self

    @property
    def hints(self) -> bool:
        """True for a judge whose score goes up with quality and is no estimate of it, such as a likeness."""
        return self.kind in _HINTING

    @property
    def face_weight(self) -> float:
        """Its share in the panel's mean, while nothing is known of what its verdicts are worth."""
        return self.weight or (_HINT_WEIGHT if self.hints else 1.0)

    @property
    def label(self) -> str:
        """The judge's name, its kind when none is given."""
        return self.name or self.kind

    @property
    def models(self) -> tuple[GraderSettings, ...]:
        """The grading models, the preferred one first; none for a judge that is no model."""
        if self.target is None:
            return ()
        first = {name: getattr(self, name) for name in GraderSettings.model_fields}
        return (GraderSettings(**first), *self.graders)
