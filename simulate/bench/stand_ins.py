"""Policies that only a simulation can have, as references: `random`, and `oracle`, which sees the true scores."""

from __future__ import annotations

from collections.abc import Sequence

from bandit_router.types import STOP, Action, Pmf, State
from simulate.bench.stream import Block
from simulate.bench.world import World


class Uniform:
    """Starts with any model with equal probability, has nothing judged and serves what it gets."""

    name = "random"
    version = "0"

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return the uniform pmf at the start, then 1 for stop."""
        return _taken(actions, STOP) if state.history else _unjudged([1 / len(actions)] * len(actions))


class Oracle:
    """Calls the one model with the best true score - cost / value for each query, and has nothing judged."""

    name = "oracle"
    version = "0"

    def __init__(self, best: Sequence[str]) -> None:
        """Take the best model of each query in order: it is asked once at the start of each."""
        self._best = iter(best)

    @classmethod
    def of(cls, world: World, block: Block, value_usd: float) -> Oracle:
        """Look at the outcomes of a phase."""
        present = list(block.present)
        net = block.scores[:, present] - block.costs[:, present] / value_usd
        return cls([world.models[present[column]] for column in net.argmax(axis=1)])

    def pmf(self, state: State, actions: Sequence[Action], /) -> Pmf:
        """Return 1 for the best model, then for stop."""
        return _taken(actions, STOP if state.history else next(self._best))


def _taken(actions: Sequence[Action], name: str) -> Pmf:
    return _unjudged([float(action.model == name) for action in actions])


def _unjudged(probs: Sequence[float]) -> Pmf:
    return Pmf(probs=tuple(probs), judge=(0.0,) * len(probs))
