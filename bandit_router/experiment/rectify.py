"""Corrects what judges say of all requests by what people said of some; it knows no arm.

PPI++ (Angelopoulos, Duchi and Zrnic, 2023): the mean of the judge over all requests, plus what the judge is off by
where there is a label. It is unbiased whatever the judge, as long as the labelled requests were picked at random.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from bandit_router.experiment.sample import Codes, Sample, Vector, mean_sample

MIN_LABELS: Final = 30
"""Fewer labels than this in an arm correct nothing."""


def rectified(
    judged: Vector, label: Vector, unit: Codes, n: int, *, offset: Vector | None = None, failed: Vector | None = None
) -> Sample:
    """Return the mean of `label + offset`, NaN where there is no label, helped by `judged`, known everywhere.

    The judge counts as much as it is worth: a judge unrelated to the labels is left out of the estimate. Where `failed`
    is 1 there is no answer: `judged` is 0 and right, so what the judge is off by is that of the answers alone.
    """
    rest = np.zeros(len(judged)) if offset is None else offset
    answered = np.ones(len(judged)) if failed is None else 1 - failed
    label = np.where(answered > 0, label, np.nan)
    weight = worth(judged[answered > 0], label[answered > 0])
    everywhere = mean_sample(weight * judged + rest, unit, n)
    gap, share = mean_sample(label - weight * judged, unit, n), mean_sample(answered, unit, n)
    influence = everywhere.influence + share.value * gap.influence + gap.value * share.influence
    return Sample(value=everywhere.value + share.value * gap.value, influence=influence)


def worth(judged: Vector, label: Vector) -> float:
    """Return how much the judge is to count, in [0, 1]: what makes the estimate's variance least."""
    known = ~np.isnan(label)
    spread = float(np.var(judged))
    labels = int(known.sum())
    if labels < 2 or spread == 0:
        return 0.0
    shared = float(np.mean((judged[known] - judged[known].mean()) * (label[known] - label[known].mean())))
    return min(max(shared / spread / (1 + labels / len(judged)), 0.0), 1.0)


def enough(label: Vector) -> bool:
    """Return whether there are labels enough to correct by."""
    return int(np.sum(~np.isnan(label))) >= MIN_LABELS


def filled(quality: Vector, stand_in_weight: Vector, stand_in_sum: Vector) -> Vector:
    """Return judged quality for every request, also where the answer served was not judged, right on average.

    An answer judged with probability p < 1 also stands for (1 - p) / p of those like it that were served unjudged:
    `stand_in_weight` is the sum of that over a request's judged answers, `stand_in_sum` the same times their quality.
    Only the deviation from a common level is carried over, so that the level itself costs no variance.
    """
    total = float(stand_in_weight.sum())
    known = ~np.isnan(quality)
    if not known.any():
        return np.full(len(quality), math.nan)
    level = float(stand_in_sum.sum()) / total if total > 0 else math.nan
    if math.isnan(level):
        return quality
    carried: Vector = np.where(known, quality, level) + stand_in_sum - level * stand_in_weight
    return carried


def levelled(quality: Vector, failed: Vector) -> Vector:
    """Return judged quality with the mean of the answers judged where one was not; 0.5 where none was at all.

    Wrong on average where judging depends on the answer, which does not matter to what labels correct: no answer has to
    stand for others, and that costs no variance.
    """
    known = ~np.isnan(quality)
    judged = quality[known & (failed == 0)]
    return np.where(known, quality, float(judged.mean()) if len(judged) else 0.5)


def support(quality: Vector, stand_in_weight: Vector) -> float:
    """Return how many judged answers of equal weight would say as much: (sum w)^2 / sum w^2."""
    weight = 1.0 + stand_in_weight[~np.isnan(quality)]
    return float(weight.sum() ** 2 / (weight @ weight)) if len(weight) else 0.0
