"""Classification: by vectors, by cues, and when neither convinces."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bandit_router.context.categories import Category
from bandit_router.context.taxonomy import Taxonomy
from bandit_router.errors import EmbeddingFailed

ZERO = np.zeros(4, dtype=np.float32)


def unit(axis: int) -> NDArray[np.float32]:
    return np.asarray(np.eye(4, dtype=np.float32)[axis])


@pytest.fixture
def taxonomy() -> Taxonomy:
    north = Category(name="north", description="", examples=("a", "b"), cues=("snow", "ice", "polar bear"))
    south = Category(name="south", description="", examples=("c",), cues=("sun", "sand", "palm tree"))
    return Taxonomy.fit((north, south), np.stack([unit(0), unit(0), unit(1)]))


def test_the_nearest_category_is_chosen(taxonomy: Taxonomy) -> None:
    assert taxonomy.classify(unit(0), "")[0] == "north"
    assert taxonomy.classify(unit(1), "")[0] == "south"


def test_cues_decide_when_the_embedding_is_zero(taxonomy: Taxonomy) -> None:
    assert taxonomy.classify(ZERO, "sun and sand under a palm tree")[0] == "south"


def test_cues_raise_the_confidence(taxonomy: Taxonomy) -> None:
    near = np.array([0.3, 0.2, 0.9, 0], dtype=np.float32)
    assert taxonomy.classify(near, "snow and ice")[1] > taxonomy.classify(near, "")[1]


def test_what_convinces_nobody_is_other(taxonomy: Taxonomy) -> None:
    assert taxonomy.classify(unit(3), "nothing of the kind")[0] == "other"


def test_no_embedding_and_no_cue_is_other(taxonomy: Taxonomy) -> None:
    assert taxonomy.classify(ZERO, "")[0] == "other"


def test_the_background_counts_by_its_share(taxonomy: Taxonomy) -> None:
    def confidence(share: float) -> float:
        return taxonomy.classify(ZERO, "snow and ice", background="a polar bear", share=share)[1]

    assert confidence(0.0) < confidence(0.3) < confidence(1.0)


def test_a_taxonomy_of_one_category_can_still_say_other() -> None:
    alone = Taxonomy.fit((Category(name="one", description="", examples=("a",)),), unit(0)[None])
    assert alone.classify(unit(0), "")[0] == "one"
    assert alone.classify(unit(1), "")[0] == "other"


def test_confidence_is_a_probability(taxonomy: Taxonomy) -> None:
    rng = np.random.default_rng(0)
    found = [taxonomy.classify(rng.normal(size=4).astype(np.float32), "sun ice")[1] for _ in range(50)]
    assert all(0 < confidence <= 1 for confidence in found)


def test_vectors_that_do_not_match_the_examples_are_refused() -> None:
    with pytest.raises(EmbeddingFailed, match="1 examples gave vectors of shape"):
        Taxonomy.fit((Category(name="one", description="", examples=("a",)),), np.zeros((2, 4), dtype=np.float32))
