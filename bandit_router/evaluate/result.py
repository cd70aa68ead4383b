"""What an estimator says of a policy; it computes nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A policy's value, in the unit of the reward, with the interval that holds the truth at 1 - alpha.

    `n` is the rows, `ess` how many rows drawn by the target itself would carry the same weight: (sum w)^2 / sum w^2.
    `chosen` is the clip, tau or lambda in use, None where an estimator has none.
    """

    value: float
    low: float
    high: float
    n: int
    ess: float
    chosen: float | None = None
