"""Draws an action from a pmf and checks pmfs; the only draw in the product, and it makes no randomness of its own."""

from __future__ import annotations

import math

from bandit_router.types import Pmf

TOLERANCE = 1e-9
"""How far the sum of a pmf may be from 1."""


def draw(pmf: Pmf, uniform: float) -> int:
    """Return the index drawn by inverting the CDF at `uniform` in [0, 1); never one of probability 0.

    >>> draw(Pmf(probs=(0.0, 0.25, 0.75)), 0.25)
    2
    """
    if not 0.0 <= uniform < 1.0:
        raise ValueError(f"uniform is {uniform}; it must be in [0, 1)")
    reached, last = 0.0, None
    for index, prob in enumerate(pmf.probs):
        if prob > 0:
            reached, last = reached + prob, index
            if uniform < reached:
                return index
    if last is None:
        raise ValueError("no action has a positive probability")
    # Rounding left the sum a hair under `uniform`: the last possible action owns that sliver.
    return last


def validate(pmf: Pmf, n: int) -> Pmf:
    """Return `pmf`; raise ValueError unless it is n finite, non-negative numbers that sum to 1 within 1e-9."""
    if len(pmf.probs) != n or len(pmf.predicted) not in (0, n):
        raise ValueError(
            f"a pmf over {n} actions has {len(pmf.probs)} probabilities and {len(pmf.predicted)} predictions"
        )
    if not all(0 <= prob < math.inf for prob in pmf.probs):
        raise ValueError(f"a pmf has a negative or non-finite probability: {pmf.probs}")
    if abs(math.fsum(pmf.probs) - 1) > TOLERANCE:
        raise ValueError(f"a pmf sums to {math.fsum(pmf.probs)!r} instead of 1")
    return pmf
