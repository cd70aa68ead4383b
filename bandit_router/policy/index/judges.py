"""Says what is believed of judges before there is any feedback: grids of their error models, and priors on them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.space import Vector

SLOPES: Final[Vector] = np.array([0.05, 0.15, 0.3, 0.5, 0.7, 0.9, 1.1, 1.35, 1.65, 2.0, 2.4, 3.0, 3.8, 5.0])
TAILS: Final[Vector] = np.array([0.5, 0.7, 1.0, 1.4, 2.0, 2.8])
_UP: Final = (0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5, 3.0)
LEVELS: Final[Vector] = np.array([*(-up for up in reversed(_UP)), 0.0, *_UP])
TRUSTS: Final[Vector] = np.array([0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0])

SLOPE: Final = (1.35, 0.8)
"""Logits by which an answer judged one deviation better is better (1.35 is an AUC of .80), and its log's deviation."""
WORTHLESS: Final = (0.01, 0.3)
"""How probably a judge is next to worthless: its slope one of those up to this, each as likely."""
TAIL: Final = (1.0, 0.4)
"""How much steeper that is for verdicts below the median, as where most answers are good but some are very bad."""
LEVEL: Final = 0.3
"""Deviation of the one shift in logits that makes all predictions agree with what clients say, if judges are fair."""
UNFAIR: Final = (0.1, 1.5)
"""How probably judges are harsh or lenient, and the deviation of that shift then: their marks' scale is their own."""
RELIABLE: Final = 0.8
"""The most that a verdict is taken to say of a truth that is a matter of degree, as a share of all there is to say."""
TRUST: Final = (0.15, 0.02)
"""Deviation of that share, and the least one of the weight that a prediction keeps."""


def prior(dispersion: float, p: Vector) -> NDArray[np.float64]:
    """Return log P(slope, tail, level, trust) on the grids; p (levels) is the mean of truths at each level.

    Of answers right or wrong a verdict is evidence, which leaves a prediction all its weight (trust 1). Of a matter of
    degree it is a measurement, and a prediction keeps the less the more of what differs it shows (its reliability): a
    score explains (slope x p (1 - p))^2 of the variance of truths, dispersion x p (1 - p).
    """
    reliability = np.minimum((SLOPES**2)[:, None] * p * (1 - p) / dispersion, RELIABLE)
    trust, deviation = 1 - (1 - dispersion) * reliability, (1 - dispersion) * TRUST[0] + TRUST[1]
    of_trust = np.log(1e-9 + _normal(TRUSTS, trust[..., None], deviation))
    return np.asarray(_ALWAYS + of_trust[:, None])


def _always() -> NDArray[np.float64]:
    """Return the part of the prior that is the same whatever truths are: of slope, tail and level."""
    of_slope = np.exp(-0.5 * (np.log(SLOPES / SLOPE[0]) / SLOPE[1]) ** 2)
    worthless = WORTHLESS[1] >= SLOPES
    of_slope = np.log((1 - WORTHLESS[0]) * of_slope / of_slope.sum() + WORTHLESS[0] * worthless / worthless.sum())
    of_tail = -0.5 * (np.log(TAILS / TAIL[0]) / TAIL[1]) ** 2
    of_level = np.log((1 - UNFAIR[0]) * _normal(LEVELS, 0.0, LEVEL) + UNFAIR[0] * _normal(LEVELS, 0.0, UNFAIR[1]))
    return np.asarray(of_slope[:, None, None, None] + of_tail[:, None, None] + of_level[:, None])


def _normal(grid: Vector, mean: float | Vector, deviation: float) -> Vector:
    """Return the shares of a normal distribution that the points of a grid stand for, along the last axis."""
    share = np.gradient(grid) * np.exp(-0.5 * ((grid - mean) / deviation) ** 2)
    return np.asarray(share / share.sum(axis=-1, keepdims=True))


_ALWAYS: Final = _always()
