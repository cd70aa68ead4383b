"""What router.toml may say, checked strictly; it builds nothing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from bandit_router.errors import ConfigError, did_you_mean

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


ASKING = ("llm", "pairwise")
"""The kinds of judges that ask a model."""
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


class Strict(BaseModel):
    """A table of a configuration file: frozen, with unknown keys rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class BiasSettings(Strict):
    """[bias]: how far a judge's verdicts may lean, in deviations, and how often that is looked at."""

    length_limit: Positive = 0.2
    """For each deviation of the logarithm of the answer's length."""
    family_limit: Positive = 0.3
    order_limit: Positive = 0.2
    interval_s: Positive = 7 * 24 * 3600.0


class DriftSettings(Strict):
    """[drift]: who is told when a model changes."""

    webhook: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """Where each change of a model is posted to as JSON."""


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


class ModelSettings(Strict):
    """[[models]]: one arm."""

    name: Annotated[str, Field(min_length=1)]
    kind: Literal["chat", "fuse"] = "chat"
    """`fuse`: makes one answer of those at hand, by calling the model named by `through`."""
    target: str = ""
    through: str | None = None
    tier: Annotated[int, Field(ge=0)] | None = None
    """None: by its price."""
    input_usd_per_million: NonNegative | None = None
    output_usd_per_million: NonNegative | None = None
    context_window: Annotated[int, Field(gt=0)] | None = None
    tools: bool | None = None
    vision: bool | None = None
    json_schema: bool | None = None
    region: str | None = None
    api_base: str | None = None
    api_key_env: str | None = None
    timeout_s: Positive = 60.0
    expected_output_tokens: Annotated[int, Field(gt=0)] = 400
    family: str | None = None
    """Who made it, where its target does not tell: judges of the same family do not grade it."""
    logprobs: bool = False
    """Ask it for the log probabilities of its tokens, for a judge of kind `logprob`."""

    @field_validator("name")
    @classmethod
    def _name_is_free(cls, name: str) -> str:
        if name == "auto" or re.fullmatch(r"tier-\d+", name):
            meaning = "the choice of a policy" if name == "auto" else "all models of a tier"
            raise ValueError(f"{name!r} already stands for {meaning} in requests; give the model another name")
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
    criteria: dict[str, str] = {}
    """What to look at above all, by category."""
    weight: Positive = 1.0
    share: Share = 1.0
    """Of the answers judged, how many it is asked about."""
    timeout_s: Positive = 20.0
    cost_usd: NonNegative | None = None
    """What a verdict is expected to cost."""
    max_cost_usd: Positive | None = None
    """What a verdict may cost."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> JudgeSettings:
        if self.kind in ASKING and not self.target:
            raise ValueError(f'a judge of kind "{self.kind}" needs a target; add target = "openai/gpt-4o-mini"')
        if self.kind not in ASKING and (wrong := [name for name in _FOR_ASKING if getattr(self, name)]):
            kinds = " and ".join(ASKING)
            raise ValueError(f'a judge of kind "{self.kind}" has no {wrong[0]}, which is for {kinds}; take it out')
        if self.kind == "rules" and self.share != 1:
            raise ValueError("rules are free and see every answer; take share out")
        return self

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
    def _auth_off_only_on_loopback(self) -> Settings:
        if self.server.auth == "off" and self.server.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError(
                f'[server] auth = "off" is only for a loopback address, and host is {self.server.host!r}; '
                'set auth = "keys" and create one with `bandit-router keys create`'
            )
        return self


M = TypeVar("M", bound=BaseModel)


def parse_toml(text: str, schema: type[M], *, path: str) -> M:
    """Check TOML text against a schema; raise `ConfigError` with file, line, key and remedy."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", path=path) from error
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(_explain(first, schema), path=path, line=_line_of(text, first["loc"])) from error


def read_toml(path: Path, schema: type[M]) -> M:
    """Read and check a TOML file; raise `ConfigError` when it is missing or wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", path=str(path)) from error
    return parse_toml(text, schema, path=str(path))


def load_settings(path: Path) -> Settings:
    """Read router.toml, with the paths in it made relative to its folder."""
    if not path.exists():
        raise ConfigError("there is no such file; `bandit-router init` writes one", path=str(path))
    settings = read_toml(path, Settings)
    home = path.resolve().parent
    policies = settings.policies.model_copy(update={"dir": home / settings.policies.dir})
    taxonomy = settings.context.taxonomy
    context = settings.context.model_copy(update={"taxonomy": home / taxonomy if taxonomy else None})
    store = settings.store.model_copy(update={"url": _absolute_sqlite(settings.store.url, home)})
    return settings.model_copy(update={"policies": policies, "context": context, "store": store})


def _absolute_sqlite(url: str, home: Path) -> str:
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url.startswith(prefix + "/") or ":memory:" in url:
        return url
    return f"{prefix}{home / url.removeprefix(prefix)}"


def _explain(error: ErrorDetails, schema: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        *table, name = error["loc"]
        return f"unknown key {name!r}; {did_you_mean(str(name), _keys_at(schema, tuple(table)))}"
    if error["type"] == "missing":
        return f"key {key!r} is missing; add it"
    message = error["msg"].removeprefix("Value error, ")
    return f"{key}: {message}" if key else message


def _keys_at(schema: Any, loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the table at `loc` may hold."""
    for part in loc:
        models = _models_in(schema.model_fields[part].annotation) if part in getattr(schema, "model_fields", {}) else []
        schema = models[0] if models else schema
    return list(getattr(schema, "model_fields", {}))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for arg in get_args(annotation) for model in _models_in(arg)]


def _line_of(text: str, loc: tuple[int | str, ...]) -> int | None:
    """Return the 1-based line that holds the key at `loc`, or where its table starts."""
    table = [str(part) for part in loc if isinstance(part, str)]
    nth = next((part for part in loc if isinstance(part, int)), 0)
    found, inside, seen = None, not table[:-1], -1
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line.startswith("["):
            name = line.strip("[] ").split("]")[0].strip()
            seen += name == (table[0] if table else "") and line.startswith("[[")
            inside = name == ".".join(table[:-1]) and (not line.startswith("[[") or seen == nth)
            found = number if inside or name == ".".join(table) else found
        elif inside and table and line.split("=")[0].strip().strip('"') == table[-1]:
            return number
    return found
