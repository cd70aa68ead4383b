"""How each of the fleet's models fares just now, and what becomes of its next call; it neither waits nor answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from bandit_router.errors import ConfigError, did_you_mean
from simulate.fleet.chance import normal, uniform
from simulate.fleet.options import FleetOptions, require
from simulate.fleet.protocol import WireError

_JITTER = 0.25
"""Standard deviation of the logarithm of latency."""

Ending = Literal["answer", "error", "rate_limit", "hang", "down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One model's state of health; rates in [0, 1], latency in milliseconds."""

    latency_ms: float = 0.0
    error_rate: float = 0.0
    rate_limit_rate: float = 0.0
    timeout_rate: float = 0.0
    down: bool = False
    """Every call ends in a 503."""
    listed: bool = True
    """False takes the model out of the fleet: unknown to calls and to /v1/models."""
    degrade_to: str | None = None
    """The model whose answers it gives instead of its own, at its own price."""
    says: str | None = None
    """What its answers call it (`model`); None: by its name."""
    fingerprint: str = "fp_fleet"
    """The `system_fingerprint` of its answers; with `says` this is how a provider tells which version answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of one call: how it ends, after how many seconds."""

    ending: Ending
    delay_s: float


class Conditions:
    """The condition of every model, and the deterministic draw of each call's fate."""

    def __init__(self, models: tuple[str, ...], options: FleetOptions, *, judges: tuple[str, ...]) -> None:
        well = Condition(latency_ms=options.latency_ms)
        ill = replace(
            well,
            error_rate=options.error_rate,
            rate_limit_rate=options.rate_limit_rate,
            timeout_rate=options.timeout_rate,
        )
        self._now = {**dict.fromkeys(models, ill), **dict.fromkeys(judges, well)}
        self._calls = dict.fromkeys(self._now, 0)
        self._judges, self._seed = judges, options.seed

    def listed(self) -> list[str]:
        """Return the names of the models that can be called, the judges among them."""
        return [model for model, condition in self._now.items() if condition.listed]

    def of(self, model: str) -> Condition:
        """Return a model's condition; raise `WireError` 404 when the fleet has no such model."""
        condition = self._now.get(model)
        if condition is None or not condition.listed:
            message = f"the model {model!r} does not exist; {did_you_mean(model, self.listed())}"
            raise WireError(404, message, code="model_not_found", param="model")
        return condition

    def next_fate(self, model: str) -> Fate:
        """Draw what becomes of a model's next call, from the seed and the number of its calls so far."""
        condition, call = self.of(model), self._calls[model]
        self._calls[model] = call + 1
        jitter = normal(self._seed, "latency", model, call) if condition.latency_ms else 0.0
        # The second term keeps the mean of the lognormal at the latency asked for.
        delay_s = condition.latency_ms / 1000 * math.exp(_JITTER * jitter - _JITTER**2 / 2)
        return Fate(ending=self._ending(condition, model, call), delay_s=delay_s)

    def change(self, order: Mapping[str, Any]) -> Condition:
        """Obey `{"model": name, field of Condition: value, ...}` and return the new condition; raise `WireError`."""
        changes = {key: value for key, value in order.items() if key != "model"}
        model = order.get("model")
        if not isinstance(model, str) or model not in self._now:
            message = f"the fleet has no model {model!r}; {did_you_mean(str(model), self._now)}"
            raise WireError(404, message, code="model_not_found", param="model")
        for key, value in changes.items():
            self._check(key, value)
        self._now[model] = replace(self._now[model], **changes)
        return self._now[model]

    def _ending(self, condition: Condition, model: str, call: int) -> Ending:
        if condition.down:
            return "down"
        draw = uniform(self._seed, "fate", model, call)
        endings: tuple[tuple[Ending, float], ...] = (
            ("error", condition.error_rate),
            ("rate_limit", condition.rate_limit_rate),
            ("hang", condition.timeout_rate),
        )
        for ending, rate in endings:
            if draw < rate:
                return ending
            draw -= rate
        return "answer"

    def _check(self, key: str, value: Any) -> None:
        known = [field.name for field in fields(Condition)]
        if key not in known:
            raise WireError(400, f"unknown key {key!r}; {did_you_mean(key, known)}", code="unknown_key", param=key)
        if not self._fits(key, value):
            raise WireError(400, f"{key!r} cannot be {value!r}", code="invalid_value", param=key)

    def _fits(self, key: str, value: Any) -> bool:
        if key == "degrade_to":
            return value is None or (isinstance(value, str) and value in self._now and value not in self._judges)
        if key in ("says", "fingerprint"):
            return (value is None and key == "says") or (isinstance(value, str) and value != "")
        if key in ("down", "listed"):
            return isinstance(value, bool)
        try:
            require(key, value, high=math.inf if key == "latency_ms" else 1.0)
        except ConfigError:
            return False
        return True
