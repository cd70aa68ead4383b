"""Judges that are always right, always wrong, random or constant, and what a panel makes of them; it prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any, Final

import numpy as np

from bandit_router.judge.fit import Case, Fit, fit

LABELS: Final = 300
GOOD: Final = 0.6
"""Share of the answers that are good."""
HIGH, LOW = 0.9, 0.2

Says = Callable[[np.random.Generator, bool], float]
KINDS: Final[Mapping[str, Says]] = {
    "right": lambda _, good: HIGH if good else LOW,
    "wrong": lambda _, good: LOW if good else HIGH,
    "random": lambda rng, _: float(rng.random()),
    "constant": lambda _, __: HIGH,
}


def decent(rng: np.random.Generator, good: bool) -> float:
    """Return the verdict of a judge of AUC .87, who sits beside the one looked at."""
    return float(1 / (1 + np.exp(-0.8 * (2 * good - 1) - rng.normal())))


def learned(kind: str, *, seed: int) -> Fit:
    """Return what a panel of a judge of a kind and a decent one comes to within 300 labels."""
    rng, cases = np.random.default_rng(seed), []
    for _ in range(LABELS):
        good = bool(rng.random() < GOOD)
        verdicts = {"judge": KINDS[kind](rng, good), "decent": decent(rng, good)}
        cases.append(Case(verdicts=verdicts, fault=False, model="m", category="c", truth=float(good)))
    seen = [case.verdicts for case in cases]
    return fit(cases, seen, base=fmean(score for verdicts in seen for score in verdicts.values()))


def line(kind: str, *, seeds: int) -> dict[str, Any]:
    """Return a row of the table: the judge's weight, and P(good) by what it alone says, over seeds."""
    fits = [learned(kind, seed=seed) for seed in range(seeds)]
    weights = [each.slopes["judge"] for each in fits]
    beside = [each.slopes["decent"] for each in fits]
    said = {said: [_quality(each, said) for each in fits] for said in (HIGH, LOW)}
    return {
        "judge": kind,
        "weight": round(fmean(weights), 3),
        "least": round(min(weights), 3),
        "greatest": round(max(weights), 3),
        "decent judge beside it": round(fmean(beside), 3),
        **{f"P(good), it says {high}": f"{min(found):.3f} to {max(found):.3f}" for high, found in said.items()},
    }


def _quality(fitted: Fit, said: float) -> float:
    return fitted.probability({"judge": said}, fault=False, model="m", category="c")
