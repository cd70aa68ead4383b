"""Learns how far the judges' verdicts can be trusted; it asks no judge and knows no model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.predictor import QUALITY
from bandit_router.policy.index.space import Vector
from bandit_router.types import Judgement

BINS: Final = 240
EDGE: Final = 8.2
"""Verdicts are told apart on the logit scale from -EDGE to EDGE, in so many bins."""
OWN_WORD: Final = 20.0
"""How many verdicts' worth of ranks a verdict's face value counts for, and until when it counts at all."""
FACE_UNTIL: Final = 200.0
SEPARATIONS: Final[Vector] = np.array([0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.6, 1.9, 2.2, 2.6, 3.0, 3.5])
LEVELS: Final[Vector] = np.linspace(-1.5, 1.5, 21)
SEPARATION: Final = (1.2, 0.5)
"""How far good and bad verdicts are apart, in deviations of either (1.2 is an AUC of .80); deviation of its log."""
LEVEL: Final = 0.5
"""Deviation of the one shift in logits that makes all predictions agree with what clients say."""
KEEP: Final = 0.998
"""What remains of the evidence of earlier feedback at each new one: it follows about 500."""
REFRESH: Final = 50
NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What verdicts may come, in a few steps from worst to best: P(step | good), P(step | bad), their ratio."""

    good: Vector
    bad: Vector
    ratio: Vector
    good_above: Vector
    """P(this step or a better one | good)."""
    bad_above: Vector


class Verdicts:
    """Verdicts as normal scores of their ranks: two normals, good and bad answers, together of deviation 1.

    The ranks need no labels and make any monotone scale of a judge the same. How far good and bad are apart, and by how
    much all predictions are too high or too low, has a posterior on a grid, learned from feedback.
    """

    NODES: Final = 11

    def __init__(self) -> None:
        self.histograms: dict[str, Vector] = {}
        self.seen = 0.0
        self.base = QUALITY
        """The mean prediction, before the shift in level."""
        self.held = QUALITY
        """That mean when the error model was last derived, which holds until it is derived again."""
        self.base_count = 20.0
        self.spread = 1.0
        """Variance of the mean of several judges' scores: the more they agree, the nearer to 1."""
        self.evidence: NDArray[np.float64] = _prior()
        self.separation, self.level, self.channel = 0.0, 0.0, _NO_CHANNEL
        self._table: Vector = np.zeros(0)
        self.refresh()

    def score(self, judgement: Judgement) -> float | None:
        """Return a judgement's normal score, None when no judge gave a verdict."""
        scores = [self._rank(judge, value) for judge, value in _said(judgement)]
        return sum(scores) / len(scores) / math.sqrt(self.spread) if scores else None

    def ratio(self, score: float | None) -> float:
        """Return P(score | good) / P(score | bad); 1 for an answer that was not judged."""
        if score is None:
            return 1.0
        return math.exp(min(max(float(self._log_ratio(score, self.separation, self.level)), -8.0), 8.0))

    def information(self, p: float) -> float:
        """Return how much of the variance of good or bad a verdict is expected to explain, for P(good) = p."""
        return float(self._table[min(int(p * 100), 99)])

    def saw(self, judgement: Judgement, p: float) -> None:
        """Take in a verdict's rank; p is what was predicted of the answer, without the shift in level."""
        said = _said(judgement)
        for judge, value in said:
            self.histograms.setdefault(judge, np.zeros(BINS))[_bin(value)] += 1
        raw = sum(self._rank(judge, value) for judge, value in said) / max(len(said), 1)
        self.seen += 1
        self.base_count += 1
        self.spread += (min(raw * raw, 9.0) - self.spread) / min(self.base_count, 2000.0)
        self.base += (p - self.base) / min(self.base_count, 2000.0)
        if self.seen % REFRESH == 0:
            self.refresh()

    def label(self, score: float, p: float, truth: float) -> None:
        """Learn from feedback in [0, 1] on a judged answer; p is P(good) by all but its own verdict and the shift."""
        logit = math.log(p / (1 - p))
        grid = logit + LEVELS[None] + self._log_ratio(score, SEPARATIONS[:, None], LEVELS[None])
        good = 1 / (1 + np.exp(-np.clip(grid, -30.0, 30.0)))
        prior = _prior()
        likelihood = truth * np.log(good) + (1 - truth) * np.log1p(-good)
        self.evidence = prior + KEEP * (self.evidence - prior) + likelihood
        self.refresh()

    def refresh(self) -> None:
        """Derive the error model from what was learned up to now."""
        self.held = min(max(self.base, 0.02), 0.98)
        self.derive()

    def derive(self) -> None:
        """Compute the error model, and what verdicts may come, from the posterior and the base held."""
        weights = np.exp(self.evidence - self.evidence.max())
        weights /= weights.sum()
        self.separation = float(np.exp(weights.sum(axis=1) @ np.log(SEPARATIONS)))
        self.level = float(weights.sum(axis=0) @ LEVELS)
        base, within = self.held, float(self._within(self.separation))
        high, low = (1 - base) * self.separation * within, -base * self.separation * within
        steps = np.linspace(low - 2.5 * within, high + 2.5 * within, self.NODES)
        good = np.exp(-0.5 * ((steps - high) / within) ** 2)
        good /= good.sum()
        bad = good * np.exp(-np.clip(self._log_ratio(steps, self.separation, self.level), -30.0, 30.0))
        bad /= bad.sum()
        self.channel = Channel(
            good=good,
            bad=bad,
            ratio=good / bad,
            good_above=good[::-1].cumsum()[::-1],
            bad_above=bad[::-1].cumsum()[::-1],
        )
        p = np.linspace(0.005, 0.995, 100)[:, None]
        mixed = p * good + (1 - p) * bad
        self._table = (mixed * (p * good / mixed - p) ** 2).sum(axis=1)

    def _rank(self, judge: str, value: float) -> float:
        """Return the normal score of a verdict's mid-rank among that judge's; its face value while there are few."""
        face = 0.8 * NORMAL.inv_cdf(min(max(value, 0.01), 0.99)) if self.seen < FACE_UNTIL else 0.0
        histogram = self.histograms.get(judge)
        if histogram is None:
            return face
        place, total = _bin(value), float(histogram.sum())
        rank = (float(histogram[:place].sum()) + 0.5 * float(histogram[place]) + 0.5) / (total + 1)
        share = total / (total + OWN_WORD)
        return share * NORMAL.inv_cdf(min(max(rank, 0.003), 0.997)) + (1 - share) * face

    def _log_ratio(self, score: float | Vector, separation: float | Vector, level: float | Vector) -> float | Vector:
        """Return log P(score | good) / P(score | bad); the shift in level moves what a middling score means, too."""
        base = self.held
        between = base * (1 - base) * separation * separation
        return separation / self._within(separation) * score - (0.5 - base) * separation * separation + level * between

    def _within(self, separation: float | Vector) -> float | Vector:
        """Return the deviation of the scores of good (or bad) answers, so that all together have 1."""
        base = self.held
        return 1 / np.sqrt(1 + base * (1 - base) * separation * separation)


_NO_CHANNEL: Final = Channel(
    good=np.zeros(0), bad=np.zeros(0), ratio=np.zeros(0), good_above=np.zeros(0), bad_above=np.zeros(0)
)


def _prior() -> NDArray[np.float64]:
    middle, deviation = SEPARATION
    of_separation = -0.5 * ((np.log(SEPARATIONS) - math.log(middle)) / deviation) ** 2
    return np.asarray(of_separation[:, None] - 0.5 * (LEVELS / LEVEL)[None] ** 2)


def _said(judgement: Judgement) -> list[tuple[str, float]]:
    """Return each judge's verdict, or the panel's where none is given by judge."""
    said = [(verdict.judge, verdict.score) for verdict in judgement.verdicts if verdict.score is not None]
    if said or judgement.quality is None:
        return said
    return [("", judgement.quality)]


def _bin(value: float) -> int:
    held = min(max(value, 3e-4), 1 - 3e-4)
    return int((math.log(held / (1 - held)) + EDGE) / (2 * EDGE) * BINS)
