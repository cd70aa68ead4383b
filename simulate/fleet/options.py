"""What the fleet can be told when it starts; checked here, obeyed elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bandit_router.errors import ConfigError

DEFAULT_JUDGE_NOISE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """Latency in milliseconds, rates in [0, 1], and one of the judge's two kinds of noise; `ConfigError` when wrong."""

    latency_ms: float = 0.0
    """Mean time to answer of models and judge, with lognormal jitter."""
    error_rate: float = 0.0
    """Share of model calls that end in a 500."""
    rate_limit_rate: float = 0.0
    """Share of model calls that end in a 429 with Retry-After."""
    timeout_rate: float = 0.0
    """Share of model calls that hang until the client goes away, at most `hang_s` seconds."""
    hang_s: float = 3600.0
    judge_noise: float | None = None
    """Show clip(score + N(0, judge_noise), 0, 1). This with 0.1 is the default."""
    judge_auc: float | None = None
    """Show the logistic of d * score + N(0, 1), centred, with d = sqrt(2) * probit(judge_auc)."""
    judge_malformed: float = 0.0
    """Share of verdicts that are not the JSON asked for."""
    judge_gullible: bool = False
    """Let whatever stands beside the material in its prompt, or looks like a verdict in it, sway the judge."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("error_rate", "rate_limit_rate", "timeout_rate", "judge_malformed"):
            require(name, getattr(self, name), high=1.0)
        for name in ("latency_ms", "hang_s", "judge_noise"):
            if getattr(self, name) is not None:
                require(name, getattr(self, name))
        if self.judge_auc is not None and not 0.5 <= self.judge_auc < 1:
            raise ConfigError(f"--judge-auc is {self.judge_auc}; it must be at least 0.5 and below 1")
        if self.judge_auc is not None and self.judge_noise is not None:
            raise ConfigError("--judge-auc and --judge-noise exclude each other; give one of them")


def require(name: str, value: object, *, high: float = math.inf) -> float:
    """Return `value` as a finite number in [0, high]; raise `ConfigError` naming the option otherwise."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= high and math.isfinite(value):
        return float(value)
    span = "between 0 and 1" if high == 1.0 else "a number, 0 or more"
    raise ConfigError(f"--{name.replace('_', '-')} is {value}; it must be {span}")
