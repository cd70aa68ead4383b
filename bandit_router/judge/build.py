"""Builds a panel from its settings; it resolves no prices."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from bandit_router.errors import ConfigError
from bandit_router.judge.asking import Examiner, expected_cost_usd
from bandit_router.judge.consistency import ConsistencyJudge
from bandit_router.judge.llm import LlmJudge
from bandit_router.judge.logprob import LogprobJudge
from bandit_router.judge.pairwise import PairwiseJudge
from bandit_router.judge.panel import Panel, Seat
from bandit_router.judge.prompt import PAIRWISE, POINTWISE
from bandit_router.judge.relevance import RelevanceJudge
from bandit_router.judge.rules import RulesJudge
from bandit_router.protocols import Embedder, Judge, Provider
from bandit_router.settings import JudgeSettings
from bandit_router.types import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What judges work with."""

    provider: Provider
    embedder: Embedder
    models: Mapping[str, Sequence[Model]]
    """The grading models by their judge's label, the preferred one first."""
    chance: Callable[[float], bool]
    """True with the probability given."""


def build_panel(settings: Sequence[JudgeSettings], tools: Tools) -> Panel:
    """Return the panel; raise `ConfigError` when a judge has no model."""
    seats = [
        Seat(
            judge=_judge(entry, settings, tools),
            weight=entry.face_weight,
            share=entry.share,
            timeout_s=entry.timeout_s,
        )
        for entry in settings
    ]
    return Panel(seats, chance=tools.chance)


def _judge(entry: JudgeSettings, panel: Sequence[JudgeSettings], tools: Tools) -> Judge:
    if entry.kind == "rules":
        return RulesJudge(entry.label)
    if entry.kind == "logprob":
        return LogprobJudge(entry.label)
    if entry.kind == "consistency":
        return ConsistencyJudge(entry.label, embedder=tools.embedder, cost_usd=entry.cost_usd or 0.0)
    if entry.kind == "relevance":
        return RelevanceJudge(entry.label, embedder=tools.embedder, cost_usd=entry.cost_usd or 0.0)
    if entry.kind == "pairwise":
        return PairwiseJudge(_examiner(entry, panel, tools, calls=2), criteria=entry.criteria)
    return LlmJudge(_examiner(entry, panel, tools, calls=1), criteria=entry.criteria)


def _examiner(entry: JudgeSettings, panel: Sequence[JudgeSettings], tools: Tools, *, calls: int) -> Examiner:
    graders = tools.models.get(entry.label)
    if not graders:
        raise ConfigError(f"the judge {entry.label!r} has no model; give its entry a target and prices in router.toml")
    colleagues = [
        model
        for other in panel
        if other is not entry and other.kind == "llm" and other.share == 1
        for model in tools.models.get(other.label, ())
    ]
    cost_usd = calls * expected_cost_usd(graders[0]) if entry.cost_usd is None else entry.cost_usd
    return Examiner(
        name=entry.label,
        graders=tuple(graders),
        provider=tools.provider,
        nonce=lambda: secrets.token_hex(8),
        prompt=_version(entry),
        colleagues=tuple(colleagues),
        max_cost_usd=entry.max_cost_usd,
        cost_usd=cost_usd,
    )


def _version(entry: JudgeSettings) -> str:
    """Return the version of the prompt; criteria of one's own make it another."""
    shipped = PAIRWISE if entry.kind == "pairwise" else POINTWISE
    if not entry.criteria:
        return shipped
    told = "\x1f".join(f"{name}\x1f{text}" for name, text in sorted(entry.criteria.items()))
    return f"{shipped}+{sha256(told.encode()).hexdigest()[:8]}"
