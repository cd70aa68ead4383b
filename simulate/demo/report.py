"""Sums up a demonstration: each policy beside always-cheapest and always-best; it prints nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from simulate.demo.traffic import Reply
from simulate.demo.trial import policy_of
from simulate.outcomes import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the report; `start_share` is the share of requests that started at each tier."""

    policy: str
    n: int
    quality: float
    cost_usd: float
    reward: float
    start_share: Mapping[int, float]


def summarise(replies: Sequence[Reply], starts: Mapping[str, int], table: Table, *, value_usd: float) -> list[Line]:
    """Return a line for each policy that was run, then one for each reference.

    `starts` gives the tier that each decision started at. Quality is the recorded true score of the answer served;
    judges are in the policies' cost, and references need none.
    """
    answered = [reply for reply in replies if reply.ok]
    policies = sorted({policy_of(reply.policy) for reply in answered})
    by = {policy: [reply for reply in answered if policy_of(reply.policy) == policy] for policy in policies}
    lines = [_line(policy, replies, starts, value_usd) for policy, replies in by.items()]
    best = max(table.models, key=table.mean_score)
    references = {"always cheapest": table.models[0], "always best": best}
    return lines + [_reference(name, model, answered, table, value_usd) for name, model in references.items()]


def _line(policy: str, replies: Sequence[Reply], starts: Mapping[str, int], value_usd: float) -> Line:
    tiers = [starts[reply.decision_id] for reply in replies]
    quality, cost = fmean(r.score for r in replies), fmean(r.cost_usd for r in replies)
    return Line(
        policy=policy,
        n=len(replies),
        quality=quality,
        cost_usd=cost,
        reward=quality - cost / value_usd,
        start_share={tier: tiers.count(tier) / len(tiers) for tier in sorted(set(tiers))},
    )


def _reference(name: str, model: str, replies: Sequence[Reply], table: Table, value_usd: float) -> Line:
    arms = [reply.call.row.arms[model] for reply in replies]
    quality, cost = fmean(arm.score for arm in arms), fmean(arm.cost_usd for arm in arms)
    return Line(
        policy=name,
        n=len(arms),
        quality=quality,
        cost_usd=cost,
        reward=quality - cost / value_usd,
        start_share={table.models.index(model): 1.0},
    )
