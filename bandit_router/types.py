"""The nouns of the router, frozen and free of I/O; no rules live here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

STOP: Final = "stop"
"""The name of the action that serves an answer at hand instead of calling another model."""

AttemptStatus = Literal["ok", "timeout", "rate_limit", "refused", "error"]
OutcomeStatus = Literal["ok", "failed"]
EventKind = Literal["finished", "feedback"]
ExperimentEventKind = Literal["started", "ramped", "stopped", "rolled_back"]
Skipped = Literal["abstained", "not_asked"]
ModelState = Literal["active", "degraded", "retired"]
FeedbackKind = Literal["score", "thumbs", "label", "retry", "edit_distance", "copied", "review"]


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
    """`degraded`: its answers got worse; it is still offered. `retired`: it is not offered."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A chat completion as the client sent it: messages, and parameters passed through untouched."""

    messages: tuple[Mapping[str, Any], ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    """OpenAI's parameters but `model`, `messages` and those of streaming; `metadata` without the router's hints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a client may ask of the router for one request; None leaves the configured default."""

    value_usd: float | None = None
    value_s: float | None = None
    max_cost_usd: float | None = None
    min_quality: float | None = None
    allow: frozenset[str] | None = None
    deny: frozenset[str] = frozenset()
    region: str | None = None
    policy: str | None = None
    session: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Context:
    """What a policy may look at. It never holds the prompt itself.

    `embedding` is float32 of shape (d,), L2-normalised; `surface` holds named numbers, most in [0, 1];
    `confidence` in [0, 1] belongs to `category`; `key` is a content hash of the conversation.
    """

    category: str
    confidence: float
    surface: Mapping[str, float]
    embedding: NDArray[np.float32]
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing a policy may choose: start (or continue) with a model, or stop.

    `cost_usd` is the expected price of taking it: the model's call and the judges' verdicts. Zero for stop.
    """

    model: str
    tier: int = -1
    cost_usd: float = 0.0
    fuses: bool = False
    """Makes one answer of those at hand."""

    @property
    def is_stop(self) -> bool:
        """True for the action that serves what is at hand."""
        return self.model == STOP


@dataclass(frozen=True, slots=True, kw_only=True)
class Pmf:
    """P(action | state) over the actions a policy was shown, in their order.

    `probs` sums to 1; `predicted` holds the policy's own estimate of each action's reward, None where it has none.
    """

    probs: tuple[float, ...]
    predicted: tuple[float | None, ...] = ()
    judge: tuple[float, ...] = ()
    """P(the answer is judged | action), in the order of the actions; empty means that every answer is."""
    serve: int | None = None
    """Index into the history of the answer to serve when stopping; None leaves it to the cascade: the best judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One decision of a cascade as it was drawn; the unit whose propensity is logged."""

    index: int
    actions: tuple[Action, ...]
    pmf: Pmf
    chosen: int
    policy: str
    version: str
    judged: bool = True
    """Whether the answer to this step was to be judged; drawn with probability `judge_propensity`."""

    @property
    def judge_propensity(self) -> float:
        """P(the answer is judged | the action drawn)."""
        return self.pmf.judge[self.chosen] if self.pmf.judge else 1.0

    @property
    def action(self) -> Action:
        """The action drawn."""
        return self.actions[self.chosen]

    @property
    def propensity(self) -> float:
        """P(the action drawn | state), marginal over the policy's own randomness."""
        return self.pmf.probs[self.chosen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A model's answer: the OpenAI assistant message, its usage in tokens and its cost in USD."""

    message: Mapping[str, Any]
    finish_reason: str
    input_tokens: int
    output_tokens: int
    cost_usd: float
    model: str = ""
    """The model name the provider reported, which may be more specific than the target."""
    system_fingerprint: str | None = None
    mean_logprob: float | None = None
    """Mean natural log probability of the answer's tokens, at most 0; None when the provider did not say."""

    @property
    def text(self) -> str:
        """The message's text; empty when it holds none (a tool call, say)."""
        content = self.message.get("content")
        return content if isinstance(content, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One model call: its answer, or the error it ended in. Errors are attempts too."""

    index: int
    model: str
    tier: int
    status: AttemptStatus
    cost_usd: float
    latency_s: float
    completion: Completion | None = None
    """None when the call failed, and when the attempt was read back from the log."""
    error: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One model's answer as judges see it; `quality` in [0, 1] where it was judged before."""

    model: Model
    completion: Completion
    quality: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What judges look at: the answer to grade, the request with its category, and the answers had before it."""

    request: ChatRequest
    answer: Reply
    category: str = "other"
    earlier: tuple[Reply, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one judge said of one answer; `score` in [0, 1].

    None when there is none: `error` says why the judge failed, or `skipped` that it had nothing to go by or was not
    asked, with the `reason`.
    """

    judge: str
    score: float | None
    cost_usd: float = 0.0
    latency_s: float = 0.0
    reason: str = ""
    error: str | None = None
    skipped: Skipped | None = None
    grader: str = ""
    """The target of the model that graded; empty for a judge that is no model."""
    prompt: str = ""
    """The version of the prompt that it was asked with."""
    own_family: bool = False
    """True when the grader is of the family of a model that it graded, because no other was left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The panel's estimate of P(the answer is good), None when no verdict could be had; with each verdict."""

    quality: float | None
    verdicts: tuple[Verdict, ...] = ()

    @property
    def cost_usd(self) -> float:
        """What the judges cost, in USD."""
        return sum(verdict.cost_usd for verdict in self.verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An attempt with its judgement; a failed attempt has none."""

    attempt: Attempt
    judgement: Judgement | None = None

    @property
    def ok(self) -> bool:
        """True when the model answered."""
        return self.attempt.status == "ok"

    @property
    def quality(self) -> float | None:
        """The judged quality in [0, 1], None when the call failed or no verdict could be had."""
        return self.judgement.quality if self.judgement else None

    @property
    def cost_usd(self) -> float:
        """The call and its judges, in USD."""
        return self.attempt.cost_usd + (self.judgement.cost_usd if self.judgement else 0.0)

    @property
    def latency_s(self) -> float:
        """The call and then its judges, who work side by side, in seconds."""
        verdicts = self.judgement.verdicts if self.judgement else ()
        return self.attempt.latency_s + max((verdict.latency_s for verdict in verdicts), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a policy decides from: the context, what was tried and judged so far, and the dial.

    `steps[i]` is the decision that led to `history[i]`: a mixture weighs its components by what they would have done.
    """

    context: Context
    value_usd: float
    history: tuple[Judged, ...] = ()
    steps: tuple[Step, ...] = ()
    max_attempts: int | None = None
    """How many answers may be had in all; None when that is not known."""
    min_quality: float | None = None
    """While the best answer is judged below this, the request may not stop; so with it every answer is judged."""
    value_s: float | None = None
    """The dial for time: how many seconds of waiting cost as much as a good answer is worth; None: time is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """What an arm that serves nothing would have started with."""

    arm: str
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided before the first model call; committed before the answer leaves."""

    id: str
    created_at: datetime
    context: Context
    policy: str
    version: str
    value_usd: float
    step: Step
    """The first step; later ones come with the outcome."""
    tenant: str = ""
    session: str | None = None
    experiment: str | None = None
    """The experiment it takes part in, with the arm that decided and the hash of its unit; None outside of any."""
    arm: str | None = None
    unit: str | None = None
    shadows: tuple[Shadow, ...] = ()
    """What the experiment's shadow arms would have done; none when the decision was read as part of an event."""
    messages: tuple[Mapping[str, Any], ...] = ()
    """The conversation, of which `log_text` says what may be stored; none when the decision was read from the log."""
    value_s: float | None = None
    """Seconds of waiting that cost as much as a fully good answer is worth; None where time costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a decision ended: every step and judged attempt, and which attempt was served."""

    decision_id: str
    finished_at: datetime
    status: OutcomeStatus
    steps: tuple[Step, ...]
    history: tuple[Judged, ...]
    served: int | None
    """Index into `history` of the answer served; None when every model failed."""
    latency_s: float

    @property
    def quality(self) -> float | None:
        """Judged quality of the served answer; None when nothing was served or it was not judged."""
        return None if self.served is None else self.history[self.served].quality

    @property
    def cost_usd(self) -> float:
        """All models and judges called, in USD."""
        return sum(judged.cost_usd for judged in self.history)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What was said or done about an answer: `score` in [0, 1] is what it stands for; `id` makes it idempotent."""

    id: str
    decision_id: str
    score: float
    received_at: datetime
    label: str | None = None
    comment: str | None = None
    kind: FeedbackKind = "score"
    late: bool = False
    """Arrived after the feedback window: kept, not learned from."""

    @property
    def is_sign(self) -> bool:
        """True for what only hints at the truth."""
        return self.kind in ("retry", "edit_distance", "copied")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """What one reviewer thought of one answer: `score` and the panel's `quality` in [0, 1]; `reason` queued it."""

    decision_id: str
    reviewer: str
    score: float
    reason: str
    quality: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A decision joined with its reward: the unit of learning and evaluation.

    An event of kind `finished` carries what the judges said; one of kind `feedback` repeats the decision with the
    feedback known so far. `seq` is its place in the journal, the order in which every learner sees events.
    """

    seq: int
    kind: EventKind
    decision: Decision
    outcome: Outcome
    feedback: float | None = None
    """What the feedback known so far comes to, in [0, 1]; None before any."""
    signs_only: bool = False
    """The feedback holds no ground truth: only signs, weighed with what the judges said."""

    @property
    def truth(self) -> float | None:
        """The feedback where it is ground truth: judges must not be measured by what they themselves said."""
        return None if self.signs_only else self.feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An immutable state of a learning policy with its lineage; `cursor` is the last journal seq it learned."""

    policy: str
    number: int
    artifact: bytes
    checksum: str
    """Hex SHA-256 of `artifact`."""
    cursor: int
    events: int
    """How many events this version has learned since its first."""
    spec_hash: str
    parent: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentEvent:
    """One thing that happened to an experiment; `number` counts from 1, so that no two writers can both be next."""

    experiment: str
    number: int
    kind: ExperimentEventKind
    share: float
    """Of the eligible units, from now on."""
    at: datetime
    by: str
    """Who did it; `automatic` for the service itself."""
    reason: str = ""
    spec: Mapping[str, Any] | None = None
    """The experiment as it was started, in the form of its file; only with the first event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a routed request gives back: the completion served, and the account of how it came about."""

    decision: Decision
    outcome: Outcome
    completion: Completion
