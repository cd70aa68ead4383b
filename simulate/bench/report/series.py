"""Computes what the page draws: points, curves, start shares and regret, as means over seeds; it draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from simulate.bench.judges import Floats
from simulate.bench.record import Run
from simulate.bench.references import best_cascade, cascade_outcomes, outlook
from simulate.bench.result import seen_blocks
from simulate.bench.stream import Setting, make_stream
from simulate.bench.world import World

WINDOWS: Final = 50
SMOOTH: Final = 5
"""Over how many windows a learning curve is averaged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """One policy's course through the stream, in w windows of equal length."""

    policy: str
    kind: str
    ends: tuple[int, ...]
    """(w) how many queries have come at the end of each window."""
    utility: Floats
    """(w) mean utility over the latest windows."""
    shares: Floats
    """(w, k) share of starts of each model in each window."""
    regret: Floats
    """(w) utility lost so far, summed, against the fixed cascade that is best in hindsight in each phase."""


def curves(world: World, setting: Setting, runs: Sequence[Run]) -> list[Curve]:
    """Return one curve a policy, in the order of the runs."""
    of_policy: dict[str, list[Run]] = {}
    for run in runs:
        of_policy.setdefault(run.policy, []).append(run)
    return [_curve(world, setting, of_one) for of_one in of_policy.values()]


def _curve(world: World, setting: Setting, runs: Sequence[Run]) -> Curve:
    n = len(runs[0].quality)
    edges = np.unique(np.linspace(0, n, min(WINDOWS, n) + 1).round().astype(int))
    utility = np.mean([run.quality - run.cost_usd / setting.value_usd for run in runs], axis=0)
    lost = np.mean([_lost(world, setting, run) for run in runs], axis=0)
    starts = np.array([[run.start == model for model in range(len(world.models))] for run in runs])
    return Curve(
        policy=runs[0].policy,
        kind=runs[0].kind,
        ends=tuple(int(edge) for edge in edges[1:]),
        utility=np.array([utility[edges[max(w - SMOOTH, 0)] : edges[w]].mean() for w in range(1, len(edges))]),
        shares=np.array([starts[:, :, a:b].mean(axis=(0, 2)) for a, b in pairwise(edges)]),
        regret=np.cumsum(lost)[edges[1:] - 1],
    )


def _lost(world: World, setting: Setting, run: Run) -> Floats:
    """Return what each query of a run lost (n) against the best fixed cascade of its phase."""
    parts = []
    for block in seen_blocks(world, make_stream(world, setting, run.seed), run):
        view = outlook([block], judge_cost_usd=setting.judge_cost_usd, value_usd=setting.value_usd)
        quality, cost = cascade_outcomes(view, best_cascade(view))
        parts.append(quality - cost / setting.value_usd)
    return np.concatenate(parts) - (run.quality - run.cost_usd / setting.value_usd)
