"""Whether a log can answer for a target, in words; the numbers come from diagnostics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from bandit_router.evaluate.diagnostics import Diagnosis

Code = Literal[
    "no_overlap",
    "few_effective_rows",
    "unsupported",
    "wrong_propensities",
    "weights_off",
    "duplicates",
    "heavy_row",
    "reward_drift",
    "action_drift",
    "unknown_propensities",
    "feedback_alone",
]

MIN_ESS: Final = 30.0
MAX_UNSUPPORTED: Final = 0.05
MAX_HEAVIEST_SHARE: Final = 0.1
# A sound log is refused once in ten thousand times by each test.
REFUSE_P: Final = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a log, in a sentence; `fatal` where no number should be shown."""

    code: Code
    fatal: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Everything found; the log can answer when nothing of it is fatal."""

    findings: tuple[Finding, ...]

    @property
    def answers(self) -> bool:
        """Return whether an estimate may be shown."""
        return not any(finding.fatal for finding in self.findings)


def judge(diagnosis: Diagnosis) -> Verdict:
    """Return what speaks against an answer, the fatal findings first."""
    findings = (*_identity(diagnosis), *_probabilities(diagnosis), *_support(diagnosis), *_drift(diagnosis))
    return Verdict(findings=tuple(sorted(findings, key=lambda finding: not finding.fatal)))


def _identity(d: Diagnosis) -> Iterator[Finding]:
    if d.duplicates:
        yield _fatal(
            "duplicates",
            f"{d.duplicates:,} of {d.n:,} rows repeat an event that is in the log already; keep one row an event",
        )


def _probabilities(d: Diagnosis) -> Iterator[Finding]:
    if d.mismatched:
        yield _fatal(
            "wrong_propensities",
            f"{d.mismatched:,} of {d.n:,} rows have a propensity that is not their pmf's entry for what was done; "
            "log the probability of the action that was served",
        )
    if d.misfit is not None and d.misfit.p_value < REFUSE_P:
        where = f" in {d.misfit.group}" if d.misfit.group else ""
        yield _fatal(
            "wrong_propensities",
            f"the logged probabilities are not those that were drawn with: action {d.misfit.action}{where} counts "
            f"{d.misfit.drawn:,.0f} where they say {d.misfit.expected:,.0f} (p = {d.misfit.p_value:.1g}); "
            "look for a default or a fallback that was logged instead",
        )
    if d.leaning is not None and d.leaning.p_value < REFUSE_P:
        often = "more" if d.leaning.z > 0 else "less"
        yield _fatal(
            "wrong_propensities",
            f"the logged probabilities are not those that were drawn with: the higher {d.leaning.feature}, the {often} "
            f"often action {d.leaning.action} was done than they say (z = {d.leaning.z:.1f}, "
            f"p < {d.leaning.p_value:.1g}); look for a default or a fallback that was logged instead",
        )
    if d.weight_p < REFUSE_P:
        # Missing support takes weight away and never adds any.
        above = d.mean_weight > 1
        yield _fatal(
            "wrong_propensities" if above else "weights_off",
            f"the weights of the target average {d.mean_weight:.3g} and should average 1 (p = {d.weight_p:.1g}): "
            + ("" if above else "the target takes actions that the log could not, or ")
            + "the logged propensities are not those that were drawn with",
        )


def _support(d: Diagnosis) -> Iterator[Finding]:
    if d.matched == 0:
        yield _fatal("no_overlap", f"in none of {d.n:,} rows was anything done that the target would do")
    elif d.ess < MIN_ESS:
        yield _fatal(
            "few_effective_rows",
            f"{d.n:,} rows weigh as much as {d.ess:.0f} decisions of the target, and {MIN_ESS:.0f} are needed; "
            "collect more, explore more, or ask for a target closer to what was logged",
        )
    if d.unsupported:
        fatal = d.unsupported > MAX_UNSUPPORTED
        yield Finding(
            code="unsupported",
            fatal=fatal,
            message=(
                f"{d.unsupported:.1%} of what the target would do had no chance of being done, in "
                f"{d.unsupported_rows or 0:.1%} of the decisions; "
                + ("the log cannot say what that earns" if fatal else "estimates may be off by that share of the range")
            ),
        )
    if d.heaviest_share > MAX_HEAVIEST_SHARE:
        yield _caution("heavy_row", f"one row carries {d.heaviest_share:.0%} of all weight ({d.heaviest:.0f})")


def _drift(d: Diagnosis) -> Iterator[Finding]:
    if d.drift.reward_p < REFUSE_P:
        yield _caution(
            "reward_drift",
            f"the logged reward went from {d.drift.reward_first:.3f} in the first half to {d.drift.reward_second:.3f} "
            "in the second; an estimate is an average over both",
        )
    if d.drift.action_p is not None and d.drift.action_p < REFUSE_P:
        yield _caution(
            "action_drift",
            "the logging policy changed what it does over the window; "
            "that is sound, if each row has its own propensity",
        )


def _fatal(code: Code, message: str) -> Finding:
    return Finding(code=code, fatal=True, message=message)


def _caution(code: Code, message: str) -> Finding:
    return Finding(code=code, fatal=False, message=message)
