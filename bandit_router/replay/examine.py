"""What speaks against asking a log about a target, from arrays that were added up piece by piece; no estimate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bandit_router.evaluate.calibration import Misfit, worst
from bandit_router.evaluate.diagnostics import Diagnosis, describe, drifted
from bandit_router.evaluate.leaning import strongest
from bandit_router.evaluate.rows import Rows
from bandit_router.evaluate.verdict import REFUSE_P, Finding, Verdict, judge
from bandit_router.replay.facts import Facts
from bandit_router.replay.taken import Taken
from bandit_router.replay.weights import Rates, Seen, reward_rows


def examine(facts: Facts, seen: Seen, taken: Taken, rows: Rows, *, duplicates: int) -> Diagnosis:
    """Return the numbers for a target; `rows` are those of its reward."""
    logged = reward_rows(facts, seen, None)
    return describe(
        rows,
        unsupported=(taken.lost / facts.n, taken.lost_rows / facts.n),
        misfit=misfit(facts),
        mismatched=facts.mismatched,
        leaning=strongest(facts.leanings),
        duplicates=duplicates,
        drift=drifted(logged.reward, seen.known, facts.start.codes),
    )


def verdict_of(facts: Facts, rates: Rates, diagnosis: Diagnosis) -> Verdict:
    """Return what speaks against an answer, what only this kind of log can have included."""
    judged = judge(diagnosis)
    found = [*_unknown(facts), *judged.findings, *_feedback(facts, rates)]
    return Verdict(findings=tuple(sorted(found, key=lambda finding: not finding.fatal)))


def empty(rows: int) -> Verdict:
    """Return the verdict on a log without decisions, or without any quality seen."""
    what = "no quality was seen in any of its decisions: nothing was judged, and no feedback came"
    message = what if rows else "the log has no decisions in the time asked for"
    return Verdict(findings=(Finding(code="no_overlap", fatal=True, message=message),))


def _unknown(facts: Facts) -> list[Finding]:
    if not facts.unknown:
        return []
    message = (
        f"{facts.unknown:,} of {facts.n:,} decisions were logged without the probability they were drawn with, and "
        "nothing brings that back; route with exploration on and log it, then ask again"
    )
    return [Finding(code="unknown_propensities", fatal=True, message=message)]


def _feedback(facts: Facts, rates: Rates) -> list[Finding]:
    alone = int((~np.isnan(facts.quality) & ~facts.asked).sum())
    if not alone:
        return []
    message = (
        f"{alone:,} qualities are known from feedback alone; how likely that was to come is not logged and is taken to "
        f"be {rates.feedback:.0%} everywhere"
    )
    return [Finding(code="feedback_alone", fatal=False, message=message)]


def spoiled(facts: Facts, *, duplicates: int) -> bool:
    """Return whether something is wrong with the log as a whole, so that not even what was done can be told of it."""
    tests = (misfit(facts), strongest(facts.leanings))
    return bool(duplicates or facts.mismatched or any(test is not None and test.p_value < REFUSE_P for test in tests))


def misfit(facts: Facts) -> Misfit | None:
    """Return the category and action whose probabilities fit worst with what was drawn, None where none are known."""
    if not facts.cells:
        return None
    groups, actions = (sorted({cell[part] for cell in facts.cells}) for part in (0, 1))
    rows, columns = ({name: place for place, name in enumerate(names)} for names in (groups, actions))
    sums = np.zeros((3, len(groups), len(actions)))
    for (category, action), counts in facts.cells.items():
        sums[:, rows[category], columns[action]] = counts
    found = worst(sums[0], sums[1], sums[2], groups)
    return replace(found, action=actions[int(found.action)])
