"""Measures probabilities against what was true: AUC, ECE, Brier; it draws no conclusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from bandit_router.judge.scale import Vector

BINS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How good a judge is on n answers of known truth; each figure is None where it cannot be had."""

    n: int
    auc: float | None
    """P(a better answer is placed above a worse one), ties counting half."""
    ece: float | None
    """Mean distance of what is said and what is true, over 10 equal bins of what is said."""
    brier: float | None
    """Mean squared error."""


def measure(said: Vector, truths: Vector) -> Figures:
    """Return the figures of what was said of answers (n), given their true quality in [0, 1] (n)."""
    if not len(said):
        return Figures(n=0, auc=None, ece=None, brier=None)
    brier = float(((said - truths) ** 2).mean())
    return Figures(n=len(said), auc=auc(said, truths), ece=ece(said, truths), brier=brier)


def auc(said: Vector, truths: Vector) -> float | None:
    """Return P(said of a good one > said of a bad one), ties counting half; None when there are only good or only bad.

    Where truth is a matter of degree, the better half is good.

    >>> auc(np.array([0.1, 0.4, 0.4]), np.array([0.0, 0.0, 1.0]))
    0.75
    """
    cut = 0.5 if set(np.unique(truths)) <= {0.0, 1.0} else float(np.median(truths))
    good = truths > cut if cut < truths.max() else truths >= cut
    goods, bads = int(good.sum()), int((~good).sum())
    if not goods or not bads:
        return None
    _, place, counts = np.unique(said, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[good].sum() - goods * (goods + 1) / 2) / (goods * bads))


def ece(said: Vector, truths: Vector, bins: int = BINS) -> float:
    """Return the expected calibration error in [0, 1].

    >>> ece(np.array([0.5, 0.5]), np.array([0.0, 1.0]))
    0.0
    """
    place = np.minimum((said * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=said - truths, minlength=bins)
    return float(np.abs(gaps).sum() / len(said))
