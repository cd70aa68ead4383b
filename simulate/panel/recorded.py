"""A panel on recorded verdicts that it did not learn from: it splits a table, fits and measures; it prints nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from bandit_router.judge.fit import Case, fit
from bandit_router.judge.measure import Figures, measure
from simulate.outcomes import Arm, Row, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The recorded judge whose word is the truth, and the score from which on it calls an answer good."""

    judge: str
    good: float

    def of(self, arm: Arm) -> float:
        """Return 1 for a good answer, else 0."""
        return float(arm.judges[self.judge] >= self.good)

    def others(self, arm: Arm) -> dict[str, float]:
        """Return what the other judges said."""
        return {judge: score for judge, score in arm.judges.items() if judge != self.judge}


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Figures on the prompts held out of one split: the panel's, and the AUC of the better single judge."""

    panel: Figures
    better: float


def halves(table: Table, *, seed: int) -> tuple[list[Row], list[Row]]:
    """Return a random half of the prompts to learn from, and the other half."""
    order = np.random.default_rng(seed).permutation(len(table.rows))
    rows = [table.rows[place] for place in order]
    middle = len(rows) // 2
    return rows[:middle], rows[middle:]


def cases(rows: Sequence[Row], truth: Truth) -> list[Case]:
    """Return each answer to these prompts as a labelled case."""
    return [
        Case(verdicts=truth.others(arm), fault=False, model=model, category=row.category, truth=truth.of(arm))
        for row in rows
        for model, arm in row.arms.items()
    ]


def split(learned: Sequence[Case], held: Sequence[Case], *, share: float, seed: int) -> Split:
    """Fit on a share of the labels of one half and measure on the other."""
    rng, seen = np.random.default_rng(seed), [case.verdicts for case in learned]
    chosen = rng.choice(len(learned), max(round(share * len(learned)), 1), replace=False)
    base = fmean(score for verdicts in seen for score in verdicts.values())
    fitted = fit([learned[i] for i in chosen], seen, base=base)
    truths = np.array([case.truth for case in held])
    said = [fitted.probability(c.verdicts, fault=False, model=c.model, category=c.category) for c in held]
    return Split(panel=measure(np.array(said), truths), better=better(held))


def better(held: Sequence[Case]) -> float:
    """Return the AUC of the better single judge."""
    truths, judges = np.array([case.truth for case in held]), list(held[0].verdicts)
    return max(measure(np.array([c.verdicts[judge] for c in held]), truths).auc or 0.0 for judge in judges)


def line(share: float, found: Sequence[Split]) -> dict[str, Any]:
    """Return a row of the table: means over the splits, and the worst of each."""
    gains = [(each.panel.auc or 0.0) - each.better for each in found]
    errors = [each.panel.ece or 0.0 for each in found]
    return {
        "labels": f"{share:.0%}",
        "panel AUC": round(fmean(each.panel.auc or 0.0 for each in found), 4),
        "better judge": round(fmean(each.better for each in found), 4),
        "gain": round(fmean(gains), 4),
        "least gain": round(min(gains), 4),
        "ECE": round(fmean(errors), 4),
        "greatest ECE": round(max(errors), 4),
        "Brier": round(fmean(each.panel.brier or 0.0 for each in found), 4),
    }
