"""Which of two states of a policy does better on recent decisions, as an interval; what follows from it is not here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bandit_router.evaluate.difference import difference
from bandit_router.evaluate.result import Estimate
from bandit_router.evaluate.verdict import MIN_ESS
from bandit_router.replay.answer import Reading
from bandit_router.replay.course import walk
from bandit_router.replay.examine import examine, verdict_of
from bandit_router.replay.facts import Facts, facts_of
from bandit_router.replay.record import Record
from bandit_router.replay.sequence import fit
from bandit_router.replay.taken import Taken, of_courses
from bandit_router.replay.targets import Target
from bandit_router.replay.weights import Rates, Seen

NEGLIGIBLE: Final = 0.001
"""Of reward: a tenth of a percent of an answer's quality is no reason to hold anything back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How much more a candidate earns than what serves; `difference` is None where the log cannot tell, with why."""

    decisions: int
    difference: Estimate | None = None
    why: str = ""

    @property
    def worse(self) -> bool:
        """Whether the whole interval says that it earns less, by more than is negligible."""
        return self.difference is not None and self.difference.high < -NEGLIGIBLE


def compare(
    candidate: Target,
    serving: Target,
    records: Sequence[Record],
    *,
    max_attempts: int | None,
    breathe: Callable[[], object] = lambda: None,
) -> Comparison:
    """Replay two states over the same decisions; `breathe` is called after each, so that others may go on.

    A candidate that does what the log seldom did is compared by few effective rows, with an interval as wide as that
    takes: it must not pass for being far from what was tried.
    """
    few = _too_few(records)
    if few:
        return Comparison(decisions=len(records), why=few)
    facts = facts_of(records)
    rates = Rates.of(facts)
    seen = Seen.of(facts, rates)
    readings = []
    for target in (candidate, serving):
        found = _taken(target, records, max_attempts=max_attempts, breathe=breathe)
        reading = Reading.of(facts, seen, found)
        why = _unusable(facts, rates, seen, reading)
        if why:
            return Comparison(decisions=facts.n, why=why)
        readings.append(reading)
    ours, theirs = readings
    if min(ours.reward.ess, theirs.reward.ess) < MIN_ESS:
        return Comparison(decisions=facts.n, difference=difference(ours.reward, theirs.reward))
    ours, theirs = (_modelled(reading, records) for reading in readings)
    return Comparison(decisions=facts.n, difference=ours.over(theirs))


def _too_few(records: Sequence[Record]) -> str:
    if len(records) < MIN_ESS:
        return f"only {len(records)} recent decisions"
    judged = sum(any(judged.quality is not None for judged in record.outcome.history) for record in records)
    return "" if judged >= MIN_ESS else f"only {judged} recent answers were judged"


def _taken(
    target: Target, records: Sequence[Record], *, max_attempts: int | None, breathe: Callable[[], object]
) -> Taken:
    policy, _ = target.policy()
    courses = []
    for record in records:
        courses.append(walk(policy, record.event, max_attempts=max_attempts))
        breathe()
    return of_courses(courses, keep=True)


def _unusable(facts: Facts, rates: Rates, seen: Seen, reading: Reading) -> str:
    """Return what keeps the log from telling anything of a state; few effective rows only widen the interval."""
    if np.isnan(facts.quality).all() or not reading.reward.weight.any():
        return "nothing of what it would do was both done and judged"
    assert reading.taken is not None, "only the logging policy has none"
    diagnosis = examine(facts, seen, reading.taken, reading.reward, duplicates=facts.duplicates)
    verdict = verdict_of(facts, rates, diagnosis)
    fatal = [finding for finding in verdict.findings if finding.fatal and finding.code != "few_effective_rows"]
    return fatal[0].message if fatal else ""


def _modelled(reading: Reading, records: Sequence[Record]) -> Reading:
    courses = reading.taken.courses if reading.taken else None
    assert courses is not None, "kept above"
    return reading.modelled(fit(records, courses, reading.reward, reading.seen, seed=0))
