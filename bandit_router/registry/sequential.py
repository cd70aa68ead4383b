"""Tells from one model's judged answers whether they got worse or better; it knows no events and keeps no answers.

Shiryaev-Roberts e-detectors (Shin, Ramdas, Rinaldo, 2024) on bets (Waudby-Smith, Ramdas, 2024): R = (R + 1) x L, where
L is 1 + bet x (expected - seen). As long as answers are as good as expected L is 1 on average, so R - uses is a
martingale, and R reaches `ALARM` no more than once in that many uses on average, whatever the distribution. Averages of
detectors, and sums over categories of which each use counts in one, keep that. What it cannot cover is that the
expectation itself is an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

ALARM: Final = 20_000.0
"""Judged uses of an unchanged model between false alarms, at least, on average."""
DROPS: Final = (0.07, 0.15, 0.3)
"""Changes of quality that the bets are best for."""
MOST: Final = 0.9
"""No bet loses more than this share at once."""


class Detector:
    """A change of one model's quality in one direction: -1 for worse, 1 for better; over all, and by category."""

    def __init__(self, direction: int, state: Sequence[Sequence[float]] = ()) -> None:
        self.direction = direction
        (self._begun,), self._overall, *self._cells = [list(row) for row in state] or [[1.0], [0.0] * len(DROPS)]

    def use(self, place: int, overall: Sequence[float], cell: Sequence[float]) -> None:
        """Take one use in, of the category at `place`: L of each bet on all answers, and on those of the category."""
        while len(self._cells) <= place:
            self._cells.append([0.0] * len(DROPS))
        for row, ratios in ((self._overall, overall), (self._cells[place], cell)):
            for i in range(len(DROPS)):
                row[i] = (row[i] + 1) * ratios[i]
        self._begun = max(self._begun, 1.0) * overall[0]

    @property
    def evidence(self) -> float:
        """R: half on all answers, half on the categories by themselves."""
        by_category = math.fsum(map(math.fsum, self._cells))
        return (math.fsum(self._overall) + by_category) / (2 * len(DROPS))

    @property
    def quiet(self) -> bool:
        """True while nothing seems to have begun (Page's CUSUM is at its start)."""
        return self._begun <= 1

    @property
    def worst(self) -> int:
        """The place of the category that shows the change most."""
        return max(range(len(self._cells)), key=lambda place: math.fsum(self._cells[place]))

    @property
    def state(self) -> list[list[float]]:
        """All of it."""
        return [[self._begun], self._overall, *self._cells]


def factors(*, gain: float, variance: float, worst: float) -> list[float]:
    """Return L for each change of `DROPS`, by the bet that grows fastest for it: 1 + bet x gain.

    `gain` is how far quality went in the direction watched compared to what was expected, at least -`worst`.
    """
    return [1 + min(drop / (variance + drop * drop), MOST / max(worst, 1e-9)) * gain for drop in DROPS]
