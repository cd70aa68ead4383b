"""Remembers what verdicts said of the difficulty of users' requests, for probes made beside them; it judges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from bandit_router.policy.index.predictor import NODES
from bandit_router.policy.index.space import Vector

REMEMBERED: Final = 200
"""Requests; a probe comes within seconds of its request, and one made with stored text without this."""


class Heard:
    """log P(verdicts | difficulty) (d) of the newest requests of users, by decision."""

    def __init__(self) -> None:
        self._said: dict[str, Vector] = {}

    def note(self, decision: str, said: Sequence[Vector]) -> None:
        """Take in the verdicts on one request, log P(verdict | difficulty) (d) each."""
        if said:
            self._said[decision] = np.asarray(sum(said))
            if len(self._said) > REMEMBERED:
                del self._said[next(iter(self._said))]

    def of(self, decision: str | None) -> Vector | None:
        """Return what was said of a request; None of one that is not known, or was not judged."""
        return None if decision is None else self._said.get(decision)

    def decisions(self) -> list[str]:
        """Return the requests remembered, the oldest first."""
        return list(self._said)

    def flat(self) -> Vector:
        """Return what was said of all of them, one after the other."""
        return np.concatenate([np.zeros(0), *self._said.values()])

    def restore(self, decisions: Sequence[str], flat: Vector) -> None:
        """Take up what `decisions` and `flat` gave; raise `ValueError` where they do not fit."""
        rows = flat.reshape(len(decisions), len(NODES))
        self._said = {decision: row.copy() for decision, row in zip(decisions, rows, strict=True)}
