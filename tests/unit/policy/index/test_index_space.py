from dataclasses import replace

import numpy as np
import pytest

from bandit_router.policy.index.space import Space
from bandit_router.types import Context
from tests.unit.policy.factories import context


def odd(**surface: float) -> Context:
    return Context(category="odd", confidence=1.0, surface=surface, embedding=np.full(8, np.nan, np.float32), key="k")


def test_before_anything_was_noted_there_is_one_column() -> None:
    assert Space(dims=8).point(context()).x.tolist() == [1.0]


def test_a_category_not_noted_is_none() -> None:
    space = Space(dims=8)
    space.note(context("code"))
    assert space.point(context("other")).f[-1] == 0


def test_reading_a_point_moves_nothing() -> None:
    space = Space(dims=8)
    space.note(context("code"))
    before = space.mean.copy()
    space.point(context("code", seed=3))
    assert (space.mean == before).all()


def test_a_context_looked_at_before_it_was_noted_is_looked_at_anew() -> None:
    space, noted = Space(dims=8), context("code")
    space.note(context("math", seed=1))
    before = space.point(noted).wide
    space.note(noted)
    after = space.point(noted).wide
    assert after.tolist() == space.point(replace(noted)).wide.tolist() != before.tolist()


def test_a_number_that_is_none_does_no_harm() -> None:
    space = Space(dims=8)
    space.note(context("code"))
    assert np.isfinite(space.point(odd(length=float("nan"))).x).all()


def test_a_shorter_embedding_and_a_missing_surface_are_read_as_zeros() -> None:
    space = Space(dims=8)
    space.note(context("code", dim=8))
    assert len(space.point(context("code", dim=3)).x) == len(space.point(context("code", dim=8)).x)


def test_a_point_is_as_long_as_the_vectors_by_column() -> None:
    space = Space(dims=8)
    space.note(context("code"))
    assert len(space.point(context("code")).x) == len(space.by_column(1, 1, 1, 1, 1))
    assert len(space.point(context("code")).f) == len(space.by_price_column(1, 1, 1))


def test_surface_numbers_are_standardised_by_what_was_seen() -> None:
    space, rng = Space(dims=0), np.random.default_rng(0)
    for value in rng.normal(0.6, 0.2, size=2000):
        space.note(odd(length=float(value)))
    assert space.point(odd(length=0.8)).x[1] == pytest.approx(1.0, abs=0.1)
