"""CUPED: takes out of each unit what was known before the experiment touched it; it compares nothing.

Deng, Xu, Kohavi and Walker (2013). The covariates must not depend on the arm: what a unit did before, or what a
predictor that never saw the experiment says of its requests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bandit_router.experiment.sample import Sample, Vector

Matrix = NDArray[np.float64]


def adjusted(samples: Sequence[Sample], covariates: Sequence[Matrix]) -> list[Sample]:
    """Return the arms' estimates as they would be had all arms the same covariates, (units, d) an arm.

    One slope for all arms, from the spread within arms, so that the difference of the arms stays unbiased. An arm
    counts in it by what its spread adds to the difference's: the smaller the arm, the more a unit of it does.
    """
    together = np.concatenate(covariates)
    slope = _slope(samples, covariates)
    return [_less(sample, x, slope, together) for sample, x in zip(samples, covariates, strict=True)]


def _slope(samples: Sequence[Sample], covariates: Sequence[Matrix]) -> Vector:
    centred = np.concatenate([(x - x.mean(axis=0)) / len(x) for x in covariates])
    influence = np.concatenate([sample.influence / len(sample.influence) for sample in samples])
    slope: Vector = np.linalg.lstsq(centred, influence, rcond=None)[0]
    return slope


def _less(sample: Sample, x: Matrix, slope: Vector, together: Matrix) -> Sample:
    here = x.mean(axis=0)
    value = sample.value - float((here - together.mean(axis=0)) @ slope)
    explained: Vector = (x - here) @ slope
    return Sample(value=value, influence=sample.influence - explained, shift=explained * (len(x) / len(together)))
