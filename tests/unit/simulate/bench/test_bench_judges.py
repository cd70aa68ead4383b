"""Judges show verdicts that have the error asked for, and recorded judges are split into graders and truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bandit_router.errors import ConfigError
from simulate.bench.judges import grading, parse_judge, recorded_verdicts, shown, true_scores
from simulate.outcomes import Table, read_table

DRAWS = np.random.default_rng(5).standard_normal((2, 20_000))


@pytest.fixture
def table(table_file: Path) -> Table:
    return read_table(table_file)


@pytest.mark.parametrize("auc", [0.5, 0.75, 0.95])
def test_the_verdicts_have_the_auc_asked_for(auc: float) -> None:
    bad, good = shown(parse_judge(f"auc:{auc}"), np.array([[0.0], [1.0]]) * np.ones_like(DRAWS), DRAWS)
    ranks = np.concatenate([bad, good]).argsort().argsort()
    measured = (ranks[len(bad) :].sum() - len(good) * (len(good) - 1) / 2) / (len(bad) * len(good))
    assert measured == pytest.approx(auc, abs=0.01)


def test_the_verdicts_of_auc_lie_between_0_and_1_about_one_half() -> None:
    verdicts = shown(parse_judge("auc:0.8"), np.full_like(DRAWS, 0.5), DRAWS)
    assert verdicts.min() > 0
    assert verdicts.max() < 1
    assert np.median(verdicts) == pytest.approx(0.5, abs=0.01)


def test_noise_is_added_and_clipped() -> None:
    verdicts = shown(parse_judge("noise:0.5"), np.array([0.2, 0.5, 0.9]), np.array([-1.0, 0.5, 1.0]))
    assert verdicts.tolist() == [0.0, 0.75, 1.0]


def test_all_recorded_judges_grade_when_none_is_named(table: Table) -> None:
    spec = parse_judge("recorded")
    assert grading(table, spec) == ("blunt", "sharp")
    assert true_scores(table, spec)[:2].tolist() == [[0.0, 1.0], [1.0, 1.0]]


def test_the_true_score_is_that_of_the_judges_not_named(table: Table) -> None:
    spec = parse_judge("recorded:blunt")
    assert true_scores(table, spec)[0].tolist() == [0.0, 1.0]
    assert recorded_verdicts(table, grading(table, spec))[0].tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize(
    "text", ["auc", "auc:1", "auc:0.4", "auc:x", "noise:-1", "noise:inf", "noise:nan", "gpt", "", "rules+", "rules+gpt"]
)
def test_a_bad_judge_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--judge"):
        parse_judge(text)


def test_an_unknown_recorded_judge_is_refused_with_the_nearest(table: Table) -> None:
    with pytest.raises(ConfigError, match="did you mean 'sharp'"):
        grading(table, parse_judge("recorded:shrap"))


def test_naming_every_judge_is_refused_since_none_is_left_for_the_truth(table: Table) -> None:
    with pytest.raises(ConfigError, match="name fewer"):
        grading(table, parse_judge("recorded:sharp,blunt"))
