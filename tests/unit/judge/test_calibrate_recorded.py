"""The calibrator on recorded verdicts of real judges, with one judge as the truth, on answers it was not fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from bandit_router.judge.calibrate import Calibrator
from bandit_router.judge.measure import auc, ece
from bandit_router.judge.scale import Vector
from tests.unit.judge.verdicts import answer_events, judgement, table

GOOD = 0.85
SPLITS = range(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Of one split: AUC of the panel, AUC of the better judge alone, ECE of the panel; on answers held out."""

    panel: float
    better: float
    ece: float


@cache
def held(seed: int, share: float, *, name: str, truth: str) -> Held:
    """Teach half of the prompts of a table, with so great a share of labels, and measure the other half."""
    rows = table(name).rows
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(rows))
    calibrator, number = Calibrator(), 0
    for row in (rows[i] for i in order[: len(rows) // 2]):
        for model, arm in row.arms.items():
            verdicts = {judge: score for judge, score in arm.judges.items() if judge != truth}
            label = float(arm.judges[truth] >= GOOD) if rng.random() < share else None
            calibrator.learn(answer_events(number, verdicts, label, model=model, category=row.category))
            number += 1
    rest = [(rows[i], model, arm) for i in order[len(rows) // 2 :] for model, arm in rows[i].arms.items()]
    truths = np.array([float(arm.judges[truth] >= GOOD) for _, _, arm in rest])
    judges = sorted(set(rest[0][2].judges) - {truth})
    found = [
        calibrator.quality(judgement({j: arm.judges[j] for j in judges}), model=model, category=row.category)
        for row, model, arm in rest
    ]
    alone = [auc(np.array([arm.judges[judge] for _, _, arm in rest]), truths) or 0.0 for judge in judges]
    panel: Vector = np.array(found, dtype=np.float64)
    return Held(panel=auc(panel, truths) or 0.0, better=max(alone), ece=ece(panel, truths))


def splits(share: float, *, name: str = "pareto_3judges_val", truth: str = "r1") -> list[Held]:
    return [held(seed, share, name=name, truth=truth) for seed in SPLITS]


def test_the_panel_tells_good_from_bad_better_than_the_better_judge() -> None:
    assert np.mean([split.panel - split.better for split in splits(1.0)]) >= 0.03


def test_the_panel_says_how_often_answers_are_good() -> None:
    assert np.mean([split.ece for split in splits(1.0)]) <= 0.035


def test_one_label_in_twenty_answers_is_enough_to_be_no_worse_than_the_better_judge() -> None:
    assert all(split.panel >= split.better for split in splits(0.05))


def test_with_one_label_in_twenty_answers_the_panel_is_calibrated_fairly() -> None:
    assert np.mean([split.ece for split in splits(0.05)]) <= 0.08


@pytest.mark.parametrize("truth", ["deepseek/deepseek-r1", "anthropic/claude-3.5-haiku", "qwen/qwen-2.5-72b-instruct"])
def test_on_another_table_any_judge_may_be_the_truth(truth: str) -> None:
    found = [held(seed, 0.3, name="pareto_k4_answers", truth=truth) for seed in range(2)]
    assert np.mean([split.panel - split.better for split in found]) > 0
    assert np.mean([split.ece for split in found]) <= 0.045
