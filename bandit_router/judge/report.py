"""Says how far each judge and the panel can be trusted; what it says is computed, never stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bandit_router.judge.bias import Bias, biases
from bandit_router.judge.calibrate import NAME as PANEL
from bandit_router.judge.graded import Graded
from bandit_router.judge.measure import Figures, measure
from bandit_router.judge.position import Position, positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One judge, or the panel: how many answers it graded, its figures where truth is known, its weight in the panel.

    The panel's figures are of the quality that it gave when it judged, not of what it would say by now.
    """

    judge: str
    answers: int
    figures: Figures
    weight: float | None = None
    """Logits by which an answer that it places one deviation higher is better; None before any truth is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The standing of the panel and of each judge, and the biases found."""

    standings: tuple[Standing, ...]
    biases: tuple[Bias, ...]
    positions: tuple[Position, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return a sentence for each bias past its limit."""
        found = [bias for bias in self.biases if bias.warning]
        placed = [position for position in self.positions if position.warning]
        return (*map(_leans, found), *map(_prefers, placed))


def report(
    answers: Sequence[Graded],
    *,
    weights: Mapping[str, float],
    families: Mapping[str, str],
    limits: Mapping[str, float],
) -> Report:
    """Return the report on judged answers; `weights` are the panel's newest, by judge."""
    said = [dict(answer.verdicts) for answer in answers]
    judges = sorted({judge for verdicts in said for judge in verdicts})
    panel = [{} if answer.quality is None else {PANEL: answer.quality} for answer in answers]
    return Report(
        standings=(
            _standing(PANEL, panel, answers, None),
            *(_standing(judge, said, answers, weights.get(judge)) for judge in judges),
        ),
        biases=tuple(biases(answers, families=families, limits=limits)),
        positions=tuple(positions(answers, limit=limits["position"])),
    )


def _leans(bias: Bias) -> str:
    between = f"95 %: {bias.low:+.2f} to {bias.high:+.2f}"
    return (
        f"judge {bias.judge}: verdicts lean by {bias.effect:+.2f} deviations ({between}) on {bias.against}; "
        f"by {bias.reference}, {bias.n} answers"
    )


def _prefers(position: Position) -> str:
    return (
        f"judge {position.judge}: prefers the answer shown first in {position.share:.0%} of comparisons (95 %: "
        f"{position.low:.0%} to {position.high:.0%}); {position.pairs} pairs, {position.disagree:.0%} with orders that "
        "disagree"
    )


def _standing(
    judge: str, said: Sequence[Mapping[str, float]], answers: Sequence[Graded], weight: float | None
) -> Standing:
    pairs = [
        (verdicts[judge], answer.truth) for verdicts, answer in zip(said, answers, strict=True) if judge in verdicts
    ]
    known = [(score, truth) for score, truth in pairs if truth is not None]
    scores, truths = (np.array([pair[i] for pair in known], dtype=np.float64) for i in (0, 1))
    return Standing(judge=judge, answers=len(pairs), figures=measure(scores, truths), weight=weight)
