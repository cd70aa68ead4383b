"""The policy of a request that names its model: it takes what it is given, and nothing is learned from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bandit_router.types import Action, Pmf, State


@dataclass(frozen=True, slots=True)
class Pinned:
    """Takes the first action: the one model named, then `stop`."""

    name: str = "pinned"
    version: str = "0"

    def pmf(self, _state: State, actions: Sequence[Action], /) -> Pmf:
        """Return probability 1 for the first action."""
        return Pmf(probs=tuple(float(index == 0) for index in range(len(actions))))
