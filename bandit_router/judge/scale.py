"""Puts verdicts of different judges on one scale, and fills in those not given; it knows nothing of the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Verdicts = Mapping[str, float]
"""Scores in [0, 1] by judge; a judge that gave none is not in it."""

KNOTS: Final = 200
"""Of a judge with more different scores, so many quantiles are kept."""
OWN_RANKS: Final = 20.0
"""How many scores it takes until ranks count half."""
PRIOR_CORRELATION: Final = 0.5
PRIOR_PAIRS: Final = 20.0
"""Judges who were never seen together are taken to agree that much; this many pairs outweigh it."""
RIDGE: Final = 1e-3
NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scale:
    """Normal scores of ranks, centred: what a judge's scores look like does not matter, only their order.

    With the covariance of those scores, a missing one is replaced by what the others say of it, with its doubt.
    """

    judges: tuple[str, ...]
    values: tuple[Vector, ...]
    """By judge: scores in [0, 1], ascending."""
    scores: tuple[Vector, ...]
    """By judge: the normal score of each of these."""
    covariance: Vector
    """(judges, judges)"""

    @classmethod
    def of(cls, seen: Sequence[Verdicts]) -> Scale:
        """Return the scale of all verdicts seen."""
        judges = tuple(sorted({judge for verdicts in seen for judge in verdicts}))
        ranked = [_ranks([verdicts[judge] for verdicts in seen if judge in verdicts]) for judge in judges]
        values, scores = (tuple(part[i] for part in ranked) for i in (0, 1))
        bare = cls(judges=judges, values=values, scores=scores, covariance=np.eye(len(judges)))
        return cls(judges=judges, values=values, scores=scores, covariance=_covariance(bare.place(seen)))

    @property
    def deviations(self) -> Vector:
        """How much each judge's scores vary; 0 for one that always says the same."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    def place(self, answers: Sequence[Verdicts]) -> Vector:
        """Return each judge's normal score of each answer (answers, judges), NaN where it gave no verdict."""
        placed = np.full((len(answers), len(self.judges)), math.nan)
        for index, judge in enumerate(self.judges):
            said = np.array([verdicts.get(judge, math.nan) for verdicts in answers], dtype=np.float64)
            placed[:, index] = np.interp(said, self.values[index], self.scores[index])
        return placed

    def complete(self, placed: Vector) -> tuple[Vector, Vector]:
        """Return scores (n, judges) with expectations in place of NaN, and the covariance (n, judges, judges) left.

        Both follow from the joint normal law of all scores, conditioned on those that are there.
        """
        filled, left = placed.copy(), np.zeros((*placed.shape, placed.shape[1]))
        if not np.isnan(placed).any():
            return filled, left
        patterns, which = np.unique(np.isnan(placed), axis=0, return_inverse=True)
        for number, absent in enumerate(patterns):
            if not absent.any():
                continue
            there, rows = ~absent, which.ravel() == number
            known = self.covariance[np.ix_(there, there)] + RIDGE * np.eye(int(there.sum()))
            across = self.covariance[np.ix_(absent, there)]
            weights = np.linalg.solve(known, across.T).T
            filled[np.ix_(rows, absent)] = placed[np.ix_(rows, there)] @ weights.T
            unknown = np.zeros_like(self.covariance)
            unknown[np.ix_(absent, absent)] = self.covariance[np.ix_(absent, absent)] - weights @ across.T
            left[rows] = unknown
        return filled, left

    def state(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "judges": list(self.judges),
            "values": [values.tolist() for values in self.values],
            "scores": [scores.tolist() for scores in self.scores],
            "covariance": self.covariance.tolist(),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Scale:
        """Read `state()` back; raise ValueError, KeyError or TypeError when it is not one."""
        judges = tuple(map(str, state["judges"]))
        return cls(
            judges=judges,
            values=tuple(np.array(values, dtype=np.float64) for values in state["values"]),
            scores=tuple(np.array(scores, dtype=np.float64) for scores in state["scores"]),
            covariance=np.array(state["covariance"], dtype=np.float64).reshape(len(judges), len(judges)),
        )


def _ranks(said: Sequence[float]) -> tuple[Vector, Vector]:
    """Return the different scores of a judge, 0 and 1 included, and the centred normal score of each one's mid-rank."""
    array = np.array(said)
    values, counts = np.unique(array, return_counts=True)
    # What has not been said yet lies beyond all that has.
    if values[0] > 0.0:
        values, counts = np.insert(values, 0, 0.0), np.insert(counts, 0, 0)
    if values[-1] < 1.0:
        values, counts = np.append(values, 1.0), np.append(counts, 0)
    below = np.cumsum(counts) - counts
    ranks = (below + 0.5 * counts + 0.5) / (len(array) + 1)
    scores = np.array([NORMAL.inv_cdf(float(rank)) for rank in ranks]) * len(array) / (len(array) + OWN_RANKS)
    scores -= (counts @ scores) / len(array)
    if len(values) > KNOTS:
        kept = np.unique(np.searchsorted(ranks, np.linspace(ranks[0], ranks[-1], KNOTS)))
        values, scores = values[kept], scores[kept]
    return values, scores


def _covariance(lines: Vector) -> Vector:
    """Return the covariance of placed verdicts (n, judges) with NaN, shrunk towards moderate agreement."""
    there = ~np.isnan(lines)
    filled = np.where(there, lines, 0.0)
    pairs = there.T.astype(np.float64) @ there
    variances = (filled**2).sum(axis=0) / np.maximum(np.diag(pairs), 1.0)
    deviations = np.sqrt(variances)
    prior = PRIOR_CORRELATION * np.outer(deviations, deviations)
    covariance = (filled.T @ filled + PRIOR_PAIRS * prior) / (pairs + PRIOR_PAIRS)
    np.fill_diagonal(covariance, variances)
    # Entries from different answers need not make a covariance together.
    roots, axes = np.linalg.eigh(covariance)
    return np.asarray((axes * np.maximum(roots, 0.0)) @ axes.T)
