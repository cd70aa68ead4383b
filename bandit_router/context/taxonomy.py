"""Classifies a text and its embedding into a category with a confidence; it neither reads files nor embeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_router.context.categories import OTHER, Category
from bandit_router.context.cues import CueIndex
from bandit_router.errors import EmbeddingFailed

# Scores are in standard deviations of the similarity between a category and texts that do not belong to it, so that
# the constants below hold for any embedder. They were set so that the mean confidence equals the share of right
# answers over prompts of known domain.
_TEMPERATURE: Final = 0.7
_CUES_AT_MOST: Final = 3.0
"""What any number of cues can add to a score; n of them add the share 1 - 0.6**n of it."""
_CUE_DECAY: Final = 0.6
_OTHER_SCORE: Final = 1.5
"""The score of `other`; 2 to 4 % of benchmark prompts have no category above it."""
_TYPICAL_MEAN: Final = 0.15
_LEAST_DEVIATION: Final = 0.03
"""Used where too few examples are there to measure either."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taxonomy:
    """Categories as mean vectors and cues.

    `weights` (n, d) and `offsets` (n,) give standardised similarities as `weights @ embedding - offsets`.
    """

    names: tuple[str, ...]
    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]
    cues: CueIndex

    @classmethod
    def fit(cls, categories: Sequence[Category], vectors: NDArray[np.float32], /) -> Taxonomy:
        """Fit to the embedded examples (all categories' in order, d); raise `EmbeddingFailed` on another shape."""
        owner = np.repeat(np.arange(len(categories)), [len(category.examples) for category in categories])
        if vectors.ndim != 2 or len(vectors) != len(owner):
            raise EmbeddingFailed(f"{len(owner)} examples gave vectors of shape {vectors.shape}; check the embedder")
        centres = np.stack([vectors[owner == index].mean(axis=0) for index in range(len(categories))])
        mean, deviation = _strangers(vectors @ centres.T, owner)
        return cls(
            names=(*(category.name for category in categories), OTHER),
            weights=(centres / deviation[:, None]).astype(np.float32),
            offsets=(mean / deviation).astype(np.float32),
            cues=CueIndex.compile([category.cues for category in categories]),
        )

    def classify(
        self, embedding: NDArray[np.float32], text: str, *, background: str = "", share: float = 0.0
    ) -> tuple[str, float]:
        """Return the likeliest category and its probability in [0, 1].

        Cues in `background` count by `share` of those in `text`. A zero embedding leaves the cues to decide.
        """
        hits = self.cues.count(text)
        if background and share:
            hits += share * self.cues.count(background)
        scores = np.full(len(self.names), _OTHER_SCORE, dtype=np.float32)
        scores[:-1] = _CUES_AT_MOST * (1.0 - _CUE_DECAY**hits)
        if np.count_nonzero(embedding):
            scores[:-1] += self.weights.dot(embedding) - self.offsets
        odds = np.exp(scores / _TEMPERATURE)
        best = int(odds.argmax())
        return self.names[best], min(1.0, float(odds[best] / odds.sum()))


def _strangers(
    similarity: NDArray[np.float32], owner: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each category's similarity (examples, n) to the examples of the others."""
    count = similarity.shape[1]
    mean, deviation = np.full(count, _TYPICAL_MEAN), np.full(count, _LEAST_DEVIATION)
    for category in range(count):
        others = similarity[owner != category, category]
        if len(others):
            mean[category], deviation[category] = others.mean(), max(float(others.std()), _LEAST_DEVIATION)
    return mean, deviation
