"""router.toml as a whole, and what its tables ask of each other."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from bandit_router.errors import did_you_mean
from bandit_router.settings.base import Strict
from bandit_router.settings.judges import JudgeSettings
from bandit_router.settings.models import ModelSettings
from bandit_router.settings.tables import (
    AsideSettings,
    BiasSettings,
    BreakerSettings,
    CascadeSettings,
    ContextSettings,
    DiscoverySettings,
    DriftSettings,
    LearnerSettings,
    PolicySettings,
    ProbingSettings,
    ReviewSettings,
    RewardSettings,
    ServerSettings,
    StoreSettings,
)


class Settings(Strict):
    """router.toml as a whole."""

    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    context: ContextSettings = ContextSettings()
    reward: RewardSettings = RewardSettings()
    review: ReviewSettings = ReviewSettings()
    cascade: CascadeSettings = CascadeSettings()
    learner: LearnerSettings = LearnerSettings()
    bias: BiasSettings = BiasSettings()
    drift: DriftSettings = DriftSettings()
    breaker: BreakerSettings = BreakerSettings()
    aside: AsideSettings = AsideSettings()
    probing: ProbingSettings = ProbingSettings()
    discovery: DiscoverySettings = DiscoverySettings()
    policies: PolicySettings = PolicySettings()
    models: Annotated[tuple[ModelSettings, ...], Field(min_length=1)]
    judges: tuple[JudgeSettings, ...] = (JudgeSettings(kind="rules"),)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Settings:
        for kind, names in (
            ("models", [m.name for m in self.models]),
            ("judges", [j.label for j in self.judges]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"two {kind} are named {twice[0]!r}; names must be unique")
        return self

    @model_validator(mode="after")
    def _fuse_through_models(self) -> Settings:
        chats = [model.name for model in self.models if model.kind == "chat"]
        for model in self.models:
            if model.through and model.through not in chats:
                hint = did_you_mean(model.through, chats)
                raise ValueError(f"{model.name!r} fuses through {model.through!r}, which is no model; {hint}")
        if not chats:
            raise ValueError("all models fuse the answers of others, and there are none; add a model that answers")
        return self

    @model_validator(mode="after")
    def _log_probabilities_have_a_source(self) -> Settings:
        wants = any(judge.kind == "logprob" for judge in self.judges)
        if wants and not any(model.logprobs for model in self.models):
            raise ValueError(
                'a judge of kind "logprob" has nothing to go by; add logprobs = true to the models whose provider '
                "gives log probabilities"
            )
        return self

    @model_validator(mode="after")
    def _reviewers_see_text(self) -> Settings:
        if self.review.enabled and self.store.log_text == "none":
            raise ValueError(
                '[review] enabled = true needs the text of questions and answers, and [store] log_text is "none"; '
                'set log_text = "redacted" or "full", or enabled = false'
            )
        return self

    @model_validator(mode="after")
    def _stored_requests_have_text(self) -> Settings:
        if self.probing.stored_hours and self.store.log_text == "none":
            raise ValueError(
                '[probing] stored_hours needs the text of questions, and [store] log_text is "none"; '
                'set log_text = "redacted" or "full", or stored_hours = 0'
            )
        return self

    @model_validator(mode="after")
    def _auth_off_only_on_loopback(self) -> Settings:
        if self.server.auth == "off" and self.server.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError(
                f'[server] auth = "off" is only for a loopback address, and host is {self.server.host!r}; '
                'set auth = "keys" and create one with `bandit-router keys create`'
            )
        return self
