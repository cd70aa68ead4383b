"""Builds a panel from its settings; it resolves no prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bandit_router.errors import ConfigError
from bandit_router.judge.llm import LlmJudge
from bandit_router.judge.panel import Panel
from bandit_router.judge.rules import RulesJudge
from bandit_router.protocols import Judge, Provider
from bandit_router.settings import JudgeSettings
from bandit_router.types import Model


def build_panel(settings: Sequence[JudgeSettings], *, provider: Provider, models: Mapping[str, Model]) -> Panel:
    """Return the panel; `models` holds the judging models by their judge's label.

    Raise `ConfigError` when one is missing.
    """
    return Panel([(_judge(entry, provider=provider, models=models), entry.weight) for entry in settings])


def _judge(entry: JudgeSettings, *, provider: Provider, models: Mapping[str, Model]) -> Judge:
    if entry.kind == "rules":
        return RulesJudge(entry.label)
    model = models.get(entry.label)
    if model is None:
        raise ConfigError(f"the judge {entry.label!r} has no model; give its entry a target and prices in router.toml")
    return LlmJudge(entry.label, model, provider=provider, timeout_s=entry.timeout_s)
