"""What was decided, from what, and how it ended; no rules live here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from bandit_router.types.answers import Completion, Judged
from bandit_router.types.requests import Asked, Context

STOP: Final = "stop"
"""The name of the action that serves an answer at hand instead of calling another model."""


OutcomeStatus = Literal["ok", "failed"]


AsideKind = Literal["probe", "shadow"]
DecisionKind = Literal["served", AsideKind]
"""`served`: for a user. `probe`: to get to know a model. `shadow`: by an arm that serves nobody, to its end."""


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
    family: str | None = None
    """Who made the model; this and what follows tell of which models it is kin, None where that is not known."""
    line: str | None = None
    """The line of models it belongs to: `llama-3.1`."""
    size_b: float | None = None
    """Billions of parameters."""
    benchmarks: tuple[tuple[str, float], ...] = ()
    """What is stated of it: (benchmark, share solved, in (0, 1))."""

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
    user_hash: str | None = None
    """Of the user whom the request names, whose name is not kept; None where it names none."""
    experiment: str | None = None
    """The experiment it takes part in, with the arm that decided and the hash of its unit; None outside of any."""
    arm: str | None = None
    unit: str | None = None
    shadows: tuple[Shadow, ...] = ()
    """What the experiment's shadow arms would have done; none when the decision was read as part of an event."""
    messages: tuple[Mapping[str, Any], ...] = ()
    """The conversation, of which `log_text` says what may be stored; none when the decision was read from the log."""
    asked: Asked | None = None
    """What it asked for beside its text; None where it named its model, and when the decision was read from the log."""
    value_s: float | None = None
    """Seconds of waiting that cost as much as a fully good answer is worth; None where time costs nothing."""
    kind: DecisionKind = "served"
    parent: str | None = None
    """The id of the user's decision that one of another kind was made beside."""


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
class Answer:
    """What a routed request gives back: the completion served, and the account of how it came about."""

    decision: Decision
    outcome: Outcome
    completion: Completion
