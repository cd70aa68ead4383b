"""Prints how good a calibrated panel is on recorded verdicts that it did not learn from; it asserts nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Annotated, Final

import numpy as np
import typer
from rich.progress import track

from bandit_router.cli.output import show, write_json
from bandit_router.errors import ConfigError, did_you_mean
from bandit_router.judge.fit import Case, fit
from bandit_router.judge.measure import Figures, measure
from simulate.outcomes import Table, read_table

SHARES: Final = (1.0, 0.1, 0.05)
"""Shares of the answers learned from whose truth is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Figures on the prompts held out of one split: the panel's, and the AUC of the better single judge."""

    panel: Figures
    better: float


def main(
    outcomes: Annotated[Path, typer.Argument(help="Outcome table with recorded judges.")],
    truth: Annotated[str, typer.Option(help="The judge whose word is the truth.")],
    good: Annotated[float, typer.Option(help="An answer is good from this score of the truth on.")] = 0.85,
    splits: Annotated[int, typer.Option(help="How many random halves to learn from.", min=1)] = 20,
    json_path: Annotated[Path | None, typer.Option("--json", help="Also write the table to this file.")] = None,
) -> None:
    """Learn from half of the prompts and measure on the other half, with all labels and with few."""
    table = read_table(outcomes, unique=False)
    judges = sorted(table.rows[0].arms[table.models[0]].judges)
    if truth not in judges:
        raise ConfigError(f"--truth: no judge is named {truth!r}; {did_you_mean(truth, judges)}")
    halves = [_halves(table, truth=truth, good=good, seed=seed) for seed in range(splits)]
    rows = []
    for share in SHARES:
        found = [_split(*half, share=share, seed=seed) for seed, half in enumerate(track(halves, f"{share:.0%}"))]
        gains = [(split.panel.auc or 0.0) - split.better for split in found]
        errors = [split.panel.ece or 0.0 for split in found]
        rows.append(
            {
                "labels": f"{share:.0%}",
                "panel AUC": round(fmean(split.panel.auc or 0.0 for split in found), 4),
                "better judge": round(fmean(split.better for split in found), 4),
                "gain": round(fmean(gains), 4),
                "least gain": round(min(gains), 4),
                "ECE": round(fmean(errors), 4),
                "greatest ECE": round(max(errors), 4),
                "Brier": round(fmean(split.panel.brier or 0.0 for split in found), 4),
            }
        )
    show(f"panel on {outcomes.name}, truth {truth} >= {good}", rows)
    if json_path:
        write_json(json_path, rows)


def _halves(table: Table, *, truth: str, good: float, seed: int) -> tuple[list[Case], list[Case]]:
    order = np.random.default_rng(seed).permutation(len(table.rows))
    cases = [
        [
            Case(
                verdicts={judge: score for judge, score in arm.judges.items() if judge != truth},
                fault=False,
                model=model,
                category=table.rows[row].category,
                truth=float(arm.judges[truth] >= good),
            )
            for model, arm in table.rows[row].arms.items()
        ]
        for row in order
    ]
    middle = len(cases) // 2
    return [case for line in cases[:middle] for case in line], [case for line in cases[middle:] for case in line]


def _split(learned: list[Case], held: list[Case], *, share: float, seed: int) -> Split:
    rng, seen = np.random.default_rng(seed), [case.verdicts for case in learned]
    chosen = rng.choice(len(learned), max(round(share * len(learned)), 1), replace=False)
    base = fmean(score for verdicts in seen for score in verdicts.values())
    fitted = fit([learned[i] for i in chosen], seen, base=base)
    truths = np.array([case.truth for case in held])
    said = [fitted.probability(c.verdicts, fault=False, model=c.model, category=c.category) for c in held]
    alone = [measure(np.array([c.verdicts[judge] for c in held]), truths).auc or 0.0 for judge in fitted.scale.judges]
    return Split(panel=measure(np.array(said), truths), better=max(alone))


if __name__ == "__main__":
    typer.run(main)
