"""The tables of router.toml that say how the service runs; what it routes between is elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bandit_router.settings.base import NonNegative, Positive, Share, Strict


class ServerSettings(Strict):
    """[server]: where to listen and whom to let in."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    auth: Literal["keys", "off"] = "keys"
    """`off` is accepted on a loopback address only."""
    max_body_bytes: Annotated[int, Field(gt=0)] = 4_000_000


class StoreSettings(Strict):
    """[store]: the database, and how much text it may hold."""

    url: str = "sqlite:///router.db"
    log_text: Literal["none", "redacted", "full"] = "none"


class ContextSettings(Strict):
    """[context]: how a request becomes features."""

    taxonomy: Path | None = None
    """A taxonomy file of your own, relative to router.toml."""
    taxonomy_mode: Literal["extend", "replace"] = "extend"
    embedder: Literal["wordllama", "litellm"] = "wordllama"
    embedder_model: str | None = None
    """litellm's name of a hosted embedding model, when `embedder = "litellm"`."""
    embedder_dim: Annotated[int, Field(gt=0)] = 256


class RewardSettings(Strict):
    """[reward]: the dial."""

    value_usd: Positive = 0.01
    """What one fully good answer is worth, in USD."""
    value_s: Positive | None = None
    """Seconds of waiting that cost as much as a fully good answer is worth; None: time costs nothing."""
    budget_usd: Positive | None = None
    """What a request may cost in USD on average; the dial then starts at `value_usd` and moves to meet it."""
    feedback_window_s: Positive = 7 * 24 * 3600.0
    """Feedback that comes later is kept but not learned from."""


class ReviewSettings(Strict):
    """[review]: which answers wait for a person."""

    enabled: bool = False
    daily_limit: Annotated[int, Field(ge=1)] = 50
    """How many answers are queued in a day (UTC) at most, by all processes together."""
    audit_share: Share = 0.01
    disagreement: Positive = 0.5
    margin: NonNegative = 0.1
    reviewers: Annotated[int, Field(ge=1)] = 1
    claim_minutes: Positive = 15.0
    keep_days: Positive = 30.0
    """What has waited longer is handed out no more."""


class CascadeSettings(Strict):
    """[cascade]: the limits of one request."""

    max_attempts: Annotated[int, Field(ge=1)] = 8
    deadline_s: Positive = 120.0
    max_cost_usd: Positive | None = None


class LearnerSettings(Strict):
    """[learner]: how often events are learned and versions published."""

    enabled: bool = True
    interval_s: Positive = 1.0
    batch: Annotated[int, Field(ge=1)] = 500
    keep_versions: Annotated[int, Field(ge=2)] = 50
    gate: Annotated[int, Field(ge=0)] = 1000
    """On how many recent decisions a new version must not do worse than the one that serves; 0: every one serves."""


class BiasSettings(Strict):
    """[bias]: how far a judge's verdicts may lean, in deviations, and how often that is looked at."""

    length_limit: Positive = 0.2
    """For each deviation of the logarithm of the answer's length."""
    family_limit: Positive = 0.3
    order_limit: Positive = 0.2
    position_limit: Positive = 0.1
    """For the share of comparisons that prefer the answer shown first, from one half."""
    interval_s: Positive = 7 * 24 * 3600.0


class DriftSettings(Strict):
    """[drift]: who is told when a model changes."""

    webhook: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """Where each change of a model is posted to as JSON."""


class AsideSettings(Strict):
    """[aside]: what may be answered beside users' requests."""

    concurrency: Annotated[int, Field(ge=1)] = 4
    """By one process at a time."""
    probe_usd_per_day: NonNegative = 1.0
    """In a day (UTC), by all processes together; 0: models are not probed."""
    shadow_usd_per_day: NonNegative = 1.0


class ProbingSettings(Strict):
    """[probing]: how newcomers are let in."""

    probes: Annotated[int, Field(ge=1)] = 60
    """So many are compared, and up to four times as many in doubt."""
    stored_hours: NonNegative = 0.0
    """For how long requests are kept so that models can be probed with them; 0: they are not."""
    approve: Literal["auto", "manual"] = "auto"


class DiscoverySettings(Strict):
    """[discovery]: which models of the configured providers are found by themselves."""

    allow: tuple[str, ...] = ()
    """Patterns of targets; none: off."""
    prices: Annotated[str, Field(pattern=r"^(litellm|https?://\S+)$")] | None = None
    """Where list prices are read again, `litellm`: where that publishes them; None: they are those of its package."""
    interval_s: Positive = 6 * 3600.0


class BreakerSettings(Strict):
    """[breaker]: when calls that fail take a model out for a while."""

    failures: Annotated[int, Field(ge=1)] = 5
    """So many in a row."""
    open_s: Positive = 10.0
    """For how long at first; twice as long after each trial that fails too."""
    max_open_s: Positive = 300.0


class PolicySettings(Strict):
    """[policies]: where the specs are and which one decides."""

    dir: Path = Path("policies")
    default: str = "live"
