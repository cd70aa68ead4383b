"""What models answered and what judges said of it; no rules live here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bandit_router.types.models import Model
from bandit_router.types.requests import ChatRequest

AttemptStatus = Literal["ok", "timeout", "rate_limit", "refused", "error"]


Skipped = Literal["abstained", "not_asked"]


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
    provider_model: str = ""
    """What the provider said that answered, with its fingerprint: they tell the version; empty where it did not say."""
    system_fingerprint: str | None = None


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
    preferred: tuple[int, ...] = ()
    """What a comparison said in each order: 1 for the answer shown first, 2 for the second, 0 for neither.

    The answer graded was shown first in the first order and second in the second. Empty for a judge that compares none.
    """


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
