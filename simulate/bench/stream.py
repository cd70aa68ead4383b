"""All that a seed decides: the order of rows, the judges' errors, the draws, the feedback; no policy acts here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.settings import ProbingSettings
from simulate.bench.judges import Floats, shown
from simulate.bench.scenarios import Order, Phase, scenario
from simulate.bench.world import World

PROBES: Final = ProbingSettings().probes


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is the same for every policy and seed of a simulation."""

    value_usd: float
    budget_usd: float | None = None
    """USD a request that the pacer brings mean spend to, from the dial `value_usd`; None leaves the dial alone."""
    judge_cost_usd: float = 0.0
    """USD for judging one answer, by however many judges."""
    feedback_rate: float = 0.0
    rows: int | None = None
    """How many rows to take after the shuffle; None for all."""
    scenario: str = "stationary"
    max_attempts: int = 8
    probes: int = PROBES
    """How many probes of a model that comes later are compared at most before it is let in; 0: it is not probed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """The queries of one seed in order (n), with what chance brings; the same for every policy."""

    seed: int
    order: Order
    phases: tuple[Phase, ...]
    noise: Floats
    """(n, k) draws of N(0, 1): a judge's errors, by row and model."""
    draws: Floats
    """(n, max_attempts + 1, 2) uniforms: for each step the action's, and whether to judge."""
    feedback: NDArray[np.bool_]
    """(n) whether the true score of the answer served comes back."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """The outcomes of the m queries of one phase, for each of the k models."""

    phase: Phase
    rows: Order
    scores: Floats
    costs: Floats
    expected: Floats
    verdicts: Floats
    """(m, k, j)"""
    present: tuple[int, ...]
    """The models that can be called, in price order."""

    @property
    def panel(self) -> Floats:
        """The panel's quality (m, k): the mean of the verdicts."""
        return np.asarray(self.verdicts.mean(axis=2), dtype=np.float64)


def rows_of(seed: int, *, size: int, rows: int | None) -> Order:
    """Return the rows that a seed takes of a table, in order: the first `rows` after the shuffle."""
    return np.random.default_rng([seed, 0]).permutation(size)[:rows]


def make_stream(world: World, setting: Setting, seed: int) -> Stream:
    """Draw everything for a seed; a row keeps its draws wherever it comes in the order."""
    order = rows_of(seed, size=world.size, rows=setting.rows)
    timeline = scenario(setting.scenario)(world, order, seed, setting.value_usd)
    noise = np.random.default_rng([seed, 1]).standard_normal((world.size, len(world.models)))
    draws = np.random.default_rng([seed, 2]).random((world.size, setting.max_attempts + 1, 2))
    feedback = np.random.default_rng([seed, 3]).random(world.size) < setting.feedback_rate
    order = timeline.order
    return Stream(
        seed=seed,
        order=order,
        phases=tuple(phase for phase in timeline.phases if phase.stop > phase.start),
        noise=noise[order],
        draws=draws[order],
        feedback=feedback[order],
    )


def outcomes(world: World, stream: Stream, phase: Phase, *, dropped: int | None = None) -> Block:
    """Return what each model does in a phase; the `dropped` one scores, and is judged, as the cheapest."""
    rows = stream.order[phase.start : phase.stop]
    source = np.arange(len(world.models))
    if phase.drop and dropped is not None:
        source[dropped] = 0
    factor = np.ones(len(world.models))
    for model, times in phase.price:
        factor[model] = times
    scores = world.scores[rows][:, source]
    if world.recorded is not None:
        verdicts = world.recorded[rows][:, source]
    else:
        verdicts = shown(world.judge, scores, stream.noise[phase.start : phase.stop])[:, :, None]
    return Block(
        phase=phase,
        rows=rows,
        scores=scores,
        costs=world.costs[rows] * factor,
        expected=world.expected[rows] * factor,
        verdicts=verdicts,
        present=tuple(model for model in range(len(world.models)) if model not in phase.absent),
    )


def blocks(world: World, stream: Stream) -> list[Block]:
    """Return the outcomes of every phase as if no model had dropped."""
    return [outcomes(world, stream, phase) for phase in stream.phases]
