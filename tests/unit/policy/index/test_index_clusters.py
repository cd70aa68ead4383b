import numpy as np
import pytest

from bandit_router.policy.index.clusters import GROUPS, Clusters


def test_before_anything_was_noted_a_context_belongs_to_no_group() -> None:
    assert not Clusters().memberships(np.ones(3)).any()


def test_memberships_sum_to_one() -> None:
    clusters = Clusters()
    for place in np.eye(5):
        clusters.note(place)
    assert clusters.memberships(np.full(5, 0.3)).sum() == pytest.approx(1.0)


def test_a_context_belongs_most_to_the_group_it_is_nearest_to() -> None:
    clusters = Clusters()
    for place in np.eye(5):
        clusters.note(place)
    assert clusters.memberships(np.array([0.0, 0.1, 0.0, 0.9, 0.0])).argmax() == 3


def test_contexts_that_are_alike_make_one_group() -> None:
    clusters = Clusters()
    for _ in range(10):
        clusters.note(np.array([1.0, 0.0]))
    assert len(clusters.centres) == 1


def test_there_are_never_more_groups_than_allowed() -> None:
    clusters = Clusters()
    for place in 9 * np.random.default_rng(0).normal(size=(300, 4)):
        clusters.note(place)
    assert len(clusters.centres) == GROUPS


def test_a_centre_moves_to_the_mean_of_the_contexts_nearest_to_it() -> None:
    clusters = Clusters()
    for place in np.arange(GROUPS):
        clusters.note(np.array([float(place), 0.0]))
    clusters.note(np.array([5.0, 0.4]))
    assert clusters.centres[5].tolist() == [5.0, 0.2]


def test_memberships_are_those_of_the_centres_as_they_are() -> None:
    clusters, fresh, rng = Clusters(), Clusters(), np.random.default_rng(0)
    for width in (4, 5):
        for place in rng.normal(size=(2 * GROUPS, width)):
            clusters.note(place)
    fresh.centres, fresh.radius = clusters.centres, clusters.radius
    place = rng.normal(size=5)
    assert clusters.memberships(place).tolist() == fresh.memberships(place).tolist()


def test_a_category_seen_later_lengthens_the_centres() -> None:
    clusters = Clusters()
    clusters.note(np.array([1.0, 0.0]))
    clusters.note(np.array([1.0, 0.0, 3.0]))
    assert clusters.centres.tolist() == [[1.0, 0.0, 0.0], [1.0, 0.0, 3.0]]
