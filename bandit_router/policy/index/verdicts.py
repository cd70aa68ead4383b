"""Learns how far the judges' verdicts can be trusted; it asks no judge and knows no model."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.policy.index.agreement import Agreement
from bandit_router.policy.index.channel import GRID, Channel
from bandit_router.policy.index.judges import LEVELS, SLOPES, TAILS, TRUSTS, prior
from bandit_router.policy.index.predictor import QUALITY
from bandit_router.policy.index.space import Vector
from bandit_router.types import Judgement

BINS: Final = 240
EDGE: Final = 8.2
"""Verdicts are told apart on the logit scale from -EDGE to EDGE, in so many bins."""
OWN_WORD: Final = 20.0
"""How many verdicts' worth of ranks a verdict's face value counts for, and until when it counts at all."""
FACE_UNTIL: Final = 200.0
ANCHOR: Final = 20.0
"""How many labels it takes for predictions to say as much of how good answers are as the verdicts' face value."""
DISPERSION: Final = (0.5, 0.05)
"""Variance expected of right or wrong that is counted as seen at first, and the least share of it assumed."""
LAPSE: Final = 0.03
"""The share of labels right or wrong that may be the wrong way round: a few odd ones must not outweigh all others."""
KEEP: Final = 0.9995
"""What remains of the evidence of earlier feedback at each new one: it follows about 2,000."""
COMPARED: Final = 16
"""The error model is derived again after so many queries with several verdicts."""
DRIFT: Final = 0.01
"""How far the mean prediction moves before the error model is derived again."""
NORMAL: Final = NormalDist()
STEPS: Final[Vector] = np.linspace(-2.6, 2.6, 11)
"""Scores that stand for all there are."""


class Verdicts:
    """Verdicts as normal scores of their ranks, which are N(0, 1) whatever the judge, and what they say of the odds.

    The ranks need no labels and make any monotone scale of a judge the same. How steeply the odds rise with the score,
    above the median and below, and by how much all predictions are too high or too low, has a posterior on a grid,
    learned from feedback. What the scores of good answers are follows by Bayes' rule.
    """

    def __init__(self) -> None:
        self.histograms: dict[str, Vector] = {}
        self._totals: dict[str, float] = {}
        """The sums of histograms, as they were when they were last asked for; none of one that has changed since."""
        self.seen = 0.0
        self.base = QUALITY
        """The mean prediction, before the shift in level."""
        self.held = QUALITY
        """That mean when the error model was last derived, which holds until it is derived again."""
        self.face = QUALITY
        """The mean quality as the panel put it, which anchors that while there is little feedback."""
        self.labels = 0.0
        """How many answers there was feedback on, judged or not: all of it is in the predictions."""
        self.base_count = 20.0
        self.spread = 1.0
        """Variance of the mean of several judges' scores: the more they agree, the nearer to 1."""
        self.evidence: NDArray[np.float64] = np.zeros((len(SLOPES), len(TAILS), len(LEVELS), len(TRUSTS)))
        self.agreement = Agreement()
        self.truths: Vector = np.zeros(4)
        """Feedback on judged answers: how many; sums of truths t, of t (1 - t), and of p (1 - p) as it was expected."""
        self.slope, self.tail, self.trust, self.level, self.channel = 0.0, 0.0, 1.0, 0.0, _NO_CHANNEL
        self.hopeful = _NO_CHANNEL
        """The error model of judges as good as may still be hoped: the slope's log one deviation higher."""
        self._offset, self._anchor = 0.0, 1.0
        self._middles: Vector = np.zeros(0)
        """The log ratio at the median score, for each slope."""
        self._offsets: NDArray[np.float64] = np.zeros(0)
        self._table: Vector = np.zeros(0)
        self.hold()

    def score(self, judgement: Judgement) -> float | None:
        """Return a judgement's normal score, None when no judge gave a verdict."""
        word = self._word(judgement)
        scores = [self._rank(judge, value, word) for judge, value in _said(judgement)]
        return sum(scores) / len(scores) / math.sqrt(self.spread) if scores else None

    def log_likelihood(self, score: float, p: Vector) -> Vector:
        """Return log P(score | P(good) = p), but for what does not depend on p."""
        ratio = self._ratio(score)
        return np.log(self.channel.mixture(p) * (ratio - 1) + 1.0)

    def posterior(self, score: float | None, p: Vector) -> Vector:
        """Return P(good | score) where it was p before; p for an answer that was not judged."""
        if score is None:
            return p
        odds = (p / (1.0 - p)) ** self.trust * (self._anchor ** (1 - self.trust) * self._ratio(score))
        return np.asarray(odds / (1.0 + odds))

    def information(self, p: float) -> float:
        """Return how much a verdict is expected to tell of the logit of p."""
        place = min(int(p * 100), 99)
        return float(self.trust * self._table[place] + (1 - self.trust) * p * (1 - p))

    def saw(self, judgement: Judgement, p: float) -> None:
        """Take in a verdict's rank; p is what was predicted of the answer, without the shift in level."""
        said = _said(judgement)
        for judge, value in said:
            if judge not in self.histograms:
                self.histograms[judge] = np.zeros(BINS)
            self.histograms[judge][_bin(value)] += 1
            self._totals.pop(judge, None)
        word = self._word(judgement)
        raw = sum(self._rank(judge, value, word) for judge, value in said) / max(len(said), 1)
        self.seen += 1
        self.base_count += 1
        self.spread += (min(raw * raw, 9.0) - self.spread) / min(self.base_count, 2000.0)
        self.base += (p - self.base) / min(self.base_count, 2000.0)
        if judgement.quality is not None:
            self.face += (judgement.quality - self.face) / min(self.base_count, 2000.0)
        if abs(self._mean() - self.held) > DRIFT:
            self.hold()

    def label(self, score: float, p: float, truth: float) -> None:
        """Learn from feedback in [0, 1] on a judged answer; p is P(good) by all but its own verdict and the shift."""
        said = self._offsets + SLOPES[:, None, None] * (TAILS[:, None] if score < 0 else 1.0) * score
        # The weight of predictions is the last axis.
        logit = (
            (LEVELS + said)[..., None]
            + math.log(p / (1 - p)) * TRUSTS
            + math.log(self.held / (1 - self.held)) * (1 - TRUSTS)
        )
        # The less truths are right or wrong, the fewer may be the wrong way round: a mark of .7 is not .3 by mistake.
        lapse = LAPSE * self.dispersion
        good = lapse + (1 - 2 * lapse) / (1 + np.exp(-np.clip(logit, -30.0, 30.0)))
        guess = float((self._weights() * good).sum())
        self.truths += (1.0, truth, truth * (1 - truth), guess * (1 - guess))
        likelihood = (truth * np.log(good) + (1 - truth) * np.log1p(-good)) / self.dispersion
        self.evidence = KEEP * self.evidence + likelihood
        self._derive()

    def compare(self, scores: Vector, p: Vector) -> None:
        """Learn from verdicts (n) on several answers to one query; p (n) is P(good) before any of them."""
        rise = SLOPES[:, None] * np.where(scores < 0, self.tail, 1.0) * scores
        ratios = np.exp(np.clip(self._middles[:, None] + rise, -8.0, 8.0))
        self.agreement.note(p, ratios, self.channel.mixture)
        if self.agreement.count % COMPARED == 0:
            self.agreement.tell()
            self._derive()

    def _weights(self) -> NDArray[np.float64]:
        logs = self.evidence + prior(self.dispersion, self._shifted(LEVELS))
        logs += self.agreement.told[:, None, None, None]
        weights = np.exp(logs - logs.max())
        return np.asarray(weights / weights.sum())

    @property
    def dispersion(self) -> float:
        """Return how random truths are, against right or wrong: below 1 where quality is a matter of degree.

        The variance of truths of mean p is p (1 - p) less the mean of t (1 - t), and that is 0 of right or wrong.
        """
        n, total, between, expected = map(float, self.truths)
        # Neither guesses that are off, nor answers that were expected to differ, make truths more random.
        most = min(expected, total * (1 - total / max(n, 1.0)))
        return max(1 - between / (most + DISPERSION[0]), DISPERSION[1])

    def _ratio(self, score: float) -> float:
        steepness = self.slope * (self.tail if score < 0 else 1.0)
        return math.exp(min(max(self._offset + steepness * score, -8.0), 8.0))

    def hold(self) -> None:
        """Derive the error model anew from the mean prediction as it is now."""
        self.held = min(max(self._mean(), 0.02), 0.98)
        self.derive()

    def _mean(self) -> float:
        """Return how good answers are on the whole.

        Predictions learn from posteriors, and posteriors from predictions: without truth both would drift together.
        """
        share = self.labels / (self.labels + ANCHOR)
        return share * self.base + (1 - share) * self.face

    def derive(self) -> None:
        """Compute the error model from the mean prediction held and the posterior."""
        shape = (len(SLOPES), len(TAILS), len(LEVELS))
        slopes, tails, levels = (grid.ravel() for grid in np.meshgrid(SLOPES, TAILS, LEVELS, indexing="ij"))
        self._offsets = self._balance(slopes, tails, levels).reshape(shape)
        self._derive()

    def _derive(self) -> None:
        weights = self._weights()
        of_slope, slopes = weights.sum(axis=(1, 2, 3)), np.log(SLOPES)
        # Not the mean of the logarithms, which what is left of the doubt that a judge is worthless would pull down.
        self.slope = float(of_slope @ SLOPES)
        slope = math.log(self.slope)
        self.tail = float(np.exp(weights.sum(axis=(0, 2, 3)) @ np.log(TAILS)))
        self.level = float(weights.sum(axis=(0, 1, 3)) @ LEVELS)
        self.trust = float(weights.sum(axis=(0, 1, 2)) @ TRUSTS)
        hope = math.exp(slope + math.sqrt(float(of_slope @ (slopes - slope) ** 2)))
        offsets = self._balance(np.array([self.slope, hope]), np.full(2, self.tail), np.full(2, self.level))
        self._offset, hopeful_offset = offsets.tolist()
        self.channel = self._derived(self.slope, self._offset)
        self.hopeful = self._derived(hope, hopeful_offset)
        base = float(self._shifted(self.level))
        self._anchor = base / (1 - base)
        self._middles = self._balance(SLOPES, np.full(len(SLOPES), self.tail), np.full(len(SLOPES), self.level))
        held = self.channel.held(GRID)
        self._table = (self.channel.seen(self.channel.mixtures) * (held - GRID) ** 2).sum(axis=0)

    def _derived(self, slope: float, offset: float) -> Channel:
        """Return the error model of judges with such a slope and log ratio at the median score."""
        ratio = np.exp(offset + slope * np.where(STEPS < 0, self.tail, 1.0) * STEPS)
        base = self._shifted(self.level)
        seen = np.exp(-0.5 * STEPS**2)
        good = seen * ratio / (base * ratio + 1 - base)
        bad = seen / (base * ratio + 1 - base)
        good, bad = good / good.sum(), bad / bad.sum()
        odds = (base / (1 - base)) ** (1 - self.trust) * ratio
        said = (GRID / (1 - GRID))[:, None] ** self.trust * odds
        said /= 1 + said
        low, high = said @ bad, said @ good
        mixtures = np.clip((GRID - low) / (high - low), 0.0, 1.0)
        return Channel(good=good, bad=bad, odds=odds, trust=self.trust, mixtures=mixtures)

    def _balance(self, slopes: Vector, tails: Vector, levels: Vector) -> Vector:
        """Return the log ratio at the median score with which all answers together are good as often as predicted."""
        base = self._shifted(levels)
        seen = np.exp(-0.5 * STEPS**2)
        seen /= seen.sum()
        rise = slopes[:, None] * np.where(STEPS < 0, tails[:, None], 1.0) * STEPS
        logit = np.log(base / (1 - base))
        middle = np.zeros(len(slopes))
        for _ in range(8):
            good = 1 / (1 + np.exp(-(logit + middle)[:, None] - rise))
            error = good.dot(seen) - base
            middle -= np.minimum(np.maximum(error / ((good * (1.0 - good)).dot(seen) + 1e-3), -1.0), 1.0)
        return middle

    def _shifted(self, level: float | Vector) -> Vector:
        """Return the mean prediction held, shifted by a level in logits."""
        return np.asarray(1 / (1 + (1 - self.held) / self.held * np.exp(-np.asarray(level))))

    def _word(self, judgement: Judgement) -> float:
        """Return the panel's quality as a normal score, at face value: it knows which judges only look for faults."""
        if self.seen >= FACE_UNTIL or judgement.quality is None:
            return 0.0
        return 0.8 * NORMAL.inv_cdf(min(max(judgement.quality, 0.01), 0.99))

    def _rank(self, judge: str, value: float, face: float) -> float:
        """Return the normal score of a verdict's mid-rank among that judge's; the panel's word while there are few."""
        histogram = self.histograms.get(judge)
        if histogram is None:
            return face
        if judge not in self._totals:
            self._totals[judge] = float(histogram.sum())
        place, total = _bin(value), self._totals[judge]
        rank = (float(histogram[:place].sum()) + 0.5 * float(histogram[place]) + 0.5) / (total + 1)
        share = total / (total + OWN_WORD)
        return share * NORMAL.inv_cdf(min(max(rank, 0.003), 0.997)) + (1 - share) * face


_NO_CHANNEL: Final = Channel(good=np.zeros(0), bad=np.zeros(0), odds=np.zeros(0), trust=1.0, mixtures=np.zeros(0))


def _said(judgement: Judgement) -> list[tuple[str, float]]:
    """Return each judge's verdict, or the panel's where none is given by judge."""
    said = [(verdict.judge, verdict.score) for verdict in judgement.verdicts if verdict.score is not None]
    if said or judgement.quality is None:
        return said
    return [("", judgement.quality)]


def _bin(value: float) -> int:
    held = min(max(value, 3e-4), 1 - 3e-4)
    return int((math.log(held / (1 - held)) + EDGE) / (2 * EDGE) * BINS)
