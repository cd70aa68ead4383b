"""What a log says of each target: whether it can answer, estimates, comparisons, parts; it prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from bandit_router.evaluate.difference import difference, difference_of_scores, influence
from bandit_router.evaluate.estimate import of_rows
from bandit_router.evaluate.result import Estimate
from bandit_router.evaluate.rows import Rows
from bandit_router.evaluate.verdict import MIN_ESS, Verdict
from bandit_router.replay.examine import empty, examine, spoiled, verdict_of
from bandit_router.replay.facts import Facts, Vector
from bandit_router.replay.record import Record
from bandit_router.replay.sequence import Fitted, fit
from bandit_router.replay.taken import Taken
from bandit_router.replay.targets import Target
from bandit_router.replay.weights import Rates, Seen, cost_rows, quality_rows, reward_rows, subset, with_model

SEQUENTIAL: Final = "dr_sequential"
MODELS: Final = frozenset({"dm", "dr", "sndr", "switch_dr", "dros", SEQUENTIAL})
"""The estimators that need a model of the reward still to come."""
DEFAULT: Final = ("cressie_read", SEQUENTIAL)
BULK: Final = 200_000
_WINDOWS: Final = 10
_GROUPS: Final = 12
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a log: by which estimators, the first of which is also that of quality, dollars and parts."""

    estimators: tuple[str, ...] = DEFAULT
    seed: int = 0
    parts: bool = True
    """Whether to answer by category and over time too."""
    figures: bool = False
    """Whether to tell differences of quality and of dollars too, and not of the reward alone."""

    @property
    def first(self) -> str:
        """Return the first estimator that needs no model: the one for quality, dollars and parts."""
        return next((name for name in self.estimators if name not in MODELS), "cressie_read")

    def estimator_of(self, rows: Rows) -> str:
        """Return the estimator of what is not asked for by name: of many rows a plain one, which then says the same."""
        return "snips" if self.first == "cressie_read" and rows.n > BULK else self.first


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """One target's rows of reward, and its model where there is one; `taken` None stands for what was logged."""

    facts: Facts
    seen: Seen
    taken: Taken | None
    reward: Rows
    fitted: Fitted | None = None

    @classmethod
    def of(cls, facts: Facts, seen: Seen, taken: Taken | None) -> Reading:
        """Return the reading of a target without a model."""
        return cls(facts=facts, seen=seen, taken=taken, reward=reward_rows(facts, seen, taken))

    def modelled(self, fitted: Fitted) -> Reading:
        """Return it with a model."""
        return replace(self, reward=with_model(self.reward, fitted.predicted, fitted.logged), fitted=fitted)

    @property
    def scores(self) -> Vector:
        """Return each decision's part in the estimate of the reward (n,): step by step where there is a model."""
        return influence(self.reward) if self.fitted is None else self.fitted.scores

    def over(self, other: Reading) -> Estimate:
        """Return how much more it earns than another, decision by decision."""
        if self.fitted is None and other.fitted is None:
            return difference(self.reward, other.reward)
        return difference_of_scores(self.scores, other.scores, ess=min(self.reward.ess, other.reward.ess))

    def compared(self, other: Reading, question: Question) -> dict[str, Any]:
        """Return how much more it earns than another; of quality and of dollars too, where that is asked."""
        found = asdict(self.over(other))
        if question.figures:
            pairs = zip(self.others(), other.others(), strict=True)
            found |= {name: asdict(difference(ours, theirs)) for (name, ours), (_, theirs) in pairs}
        return found

    def others(self) -> Iterator[tuple[str, Rows]]:
        """Yield the rows of quality, then of dollars: one at a time, since logs are long."""
        yield "quality", quality_rows(self.facts, self.seen, self.taken)
        yield "cost_usd", cost_rows(self.facts, self.taken)


def answer(
    targets: Sequence[Target],
    facts: Facts,
    found: Sequence[Taken],
    question: Question,
    *,
    itself: Taken | None = None,
    records: Sequence[Record] = (),
) -> dict[str, Any]:
    """Return the result as plain values; `itself` is the logging policy's part, `records` are for fitting models."""
    if not facts.n or np.isnan(facts.quality).all():
        refused = [_refused(target, empty(facts.n)) for target in targets]
        return {"log": _log(facts, None), "logging": None, "targets": refused, "differences": []}
    rates = Rates.of(facts)
    seen = Seen.of(facts, rates)
    duplicates = facts.duplicates
    spoilt = spoiled(facts, duplicates=duplicates)
    logging = Reading.of(facts, seen, itself)
    readings: dict[str, Reading] = {}
    lines = []
    for target, taken in zip(targets, found, strict=True):
        reading = Reading.of(facts, seen, taken)
        diagnosis = examine(facts, seen, taken, reading.reward, duplicates=duplicates)
        verdict = verdict_of(facts, rates, diagnosis)
        if verdict.answers:
            if records and taken.courses is not None:
                fitted = fit(records, taken.courses, reading.reward, seen, seed=question.seed)
                reading = reading.modelled(fitted)
            readings[target.name] = reading
            lines.append({**_about(target, verdict), "diagnosis": asdict(diagnosis)})
            lines[-1] |= _estimates(reading, logging, facts, question)
        else:
            lines.append({**_refused(target, verdict), "diagnosis": asdict(diagnosis)})
    return {
        "log": _log(facts, rates),
        "logging": None if spoilt else _figures(logging, question) | _parts(logging, facts, question),
        "targets": lines,
        "differences": _differences(readings, question),
    }


def _about(target: Target, verdict: Verdict) -> dict[str, Any]:
    return {
        "policy": target.name,
        "kind": target.kind,
        "learned": target.learned,
        "answers": verdict.answers,
        "findings": [asdict(finding) for finding in verdict.findings],
    }


def _refused(target: Target, verdict: Verdict) -> dict[str, Any]:
    return {**_about(target, verdict), "estimates": None, "quality": None, "cost_usd": None, "against_logging": None}


def _estimates(reading: Reading, logging: Reading, facts: Facts, question: Question) -> dict[str, Any]:
    estimates = {}
    for name in question.estimators:
        if name == SEQUENTIAL:
            if reading.fitted:
                estimates[name] = asdict(reading.fitted.estimate(reading.reward))
        elif name not in MODELS or reading.fitted:
            estimates[name] = asdict(of_rows(name, reading.reward))
    figures = _figures(reading, question)
    figures["reward"] = estimates.get(question.first, figures["reward"])
    against = reading.compared(logging, question)
    return {"estimates": estimates, **figures, "against_logging": against, **_parts(reading, facts, question)}


def _figures(reading: Reading, question: Question) -> dict[str, Any]:
    reward = asdict(of_rows(question.estimator_of(reading.reward), reading.reward))
    return {"reward": reward} | {name: asdict(of_rows(question.estimator_of(r), r)) for name, r in reading.others()}


def _differences(readings: Mapping[str, Reading], question: Question) -> list[Row]:
    names = list(readings)
    return [
        {"policy": ours, "over": theirs, **readings[ours].compared(readings[theirs], question)}
        for number, ours in enumerate(names)
        for theirs in names[number + 1 :]
    ]


def _parts(reading: Reading, facts: Facts, question: Question) -> dict[str, Any]:
    """Return the reward by category and over time, where there is enough to say."""
    if not question.parts:
        return {}
    return {
        "by_category": _by_category(reading.reward, facts, question),
        "over_time": _over_time(reading, facts, question),
    }


def _by_category(rows: Rows, facts: Facts, question: Question) -> list[dict[str, Any]]:
    counts = np.bincount(facts.category.codes, minlength=len(facts.category.names))
    largest = sorted(range(len(counts)), key=lambda code: (-counts[code], facts.category.names[code]))[:_GROUPS]
    parts = []
    for code in largest:
        said = _enough(subset(rows, facts.category.codes == code), question)
        if said:
            parts.append({"category": facts.category.names[code], **asdict(said)})
    return parts


def _over_time(reading: Reading, facts: Facts, question: Question) -> list[dict[str, Any]]:
    edges = np.unique(np.linspace(0, facts.n, _WINDOWS + 1).astype(int))
    parts = []
    for first, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        said = _enough(subset(reading.reward, slice(first, stop)), question)
        if said:
            parts.append({"from": _iso(facts.at[first]), "until": _iso(facts.at[stop - 1]), **asdict(said)})
    return parts


def _enough(rows: Rows, question: Question) -> Estimate | None:
    return of_rows(question.estimator_of(rows), rows) if rows.n and rows.ess >= MIN_ESS else None


def _log(facts: Facts, rates: Rates | None) -> dict[str, Any]:
    if not facts.n:
        return {"decisions": 0}
    return {
        "decisions": facts.n,
        "from": _iso(facts.at.min()),
        "until": _iso(facts.at.max()),
        "quality_seen": float((~np.isnan(facts.quality)).mean()),
        "judged": float(facts.asked.mean()),
        "rates": asdict(rates) if rates else None,
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(float(at), UTC).isoformat()
