"""How often a replay's interval holds the truth, which is had by running the policy in the same world."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from bandit_router.replay.answer import DEFAULT, Question, answer
from bandit_router.replay.facts import facts_of
from bandit_router.replay.record import Record
from bandit_router.replay.taken import itself, taken
from bandit_router.replay.targets import Target
from simulate.replaying.service import served_log
from simulate.replaying.world import JUDGE_USD, TARGETS, VALUE_USD, log_of, specs

FIGURES: Final = ("reward", "quality", "cost_usd")
ROWS: Final = 4000
Truths = Mapping[str, Mapping[str, float]]


@dataclass(slots=True)
class Score:
    """How often an interval held the truth, and how wide it was on average."""

    hits: int = 0
    misses: int = 0
    widths: list[float] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Return the share of intervals that held the truth."""
        return self.hits / max(self.hits + self.misses, 1)

    @property
    def width(self) -> float:
        """Return the mean width."""
        return fmean(self.widths) if self.widths else 0.0

    def add(self, found: Mapping[str, float], truth: float) -> None:
        """Count an estimate."""
        inside = found["low"] <= truth <= found["high"]
        self.hits, self.misses = self.hits + inside, self.misses + (not inside)
        self.widths.append(found["high"] - found["low"])


def truths(*, rows: int = 100_000, seed: int = 10**6, judge_usd: float = JUDGE_USD) -> Truths:
    """Return what each policy truly earns: run in a world of many queries."""
    return {name: _truth(name, rows=rows, seed=seed, judge_usd=judge_usd) for name in (*TARGETS, "live")}


def _truth(name: str, *, rows: int, seed: int, judge_usd: float) -> dict[str, float]:
    records, run = log_of(name, rows=rows, seed=seed, judge_usd=judge_usd)
    facts = facts_of(records)
    quality = float(run.quality.mean())
    cost = float(facts.cost_usd.mean())
    return {"reward": quality - cost / VALUE_USD, "quality": quality, "cost_usd": cost}


def check(
    logs: Iterable[Sequence[Record]], true: Truths, *, tick: Callable[[], object] = lambda: None
) -> dict[tuple[str, str], Score]:
    """Return by policy and figure how often the truth was inside, over logs."""
    scores: dict[tuple[str, str], Score] = {}
    for seed, records in enumerate(logs):
        modelled, plain = replayed(records, seed=seed)
        for line, without in zip(modelled["targets"], plain["targets"], strict=True):
            name = line["policy"]
            for figure in FIGURES:
                _score(scores, name, figure).add(line[figure], true[name][figure])
            for estimator, found in list(line["estimates"].items())[1:]:
                _score(scores, name, estimator).add(found, true[name]["reward"])
            gain = true[name]["reward"] - true["live"]["reward"]
            _score(scores, name, "over the log").add(line["against_logging"], gain)
            _score(scores, name, "over the log, no model").add(without["against_logging"], gain)
        tick()
    return scores


def played_logs(seeds: Iterable[int], *, rows: int = ROWS) -> Iterator[list[Record]]:
    """Yield the log of each seed, played without a service."""
    for seed in seeds:
        yield log_of("live", rows=rows, seed=seed)[0]


def served_logs(seeds: Iterable[int], *, rows: int = ROWS) -> Iterator[list[Record]]:
    """Yield the log of each seed as a service wrote it, asked over HTTP; judges cost nothing there."""
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            yield served_log(Path(folder), rows=rows, seed=seed)


def _score(scores: dict[tuple[str, str], Score], name: str, figure: str) -> Score:
    return scores.setdefault((name, figure), Score())


def replayed(records: Sequence[Record], *, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the answers about the targets from one log: with a model of what is still to come, and without."""
    targets = [Target(name=name, kind="check", specs=specs()) for name in TARGETS]
    found = [taken(target, records, max_attempts=3, keep=True) for target in targets]
    facts, own = facts_of(records), itself(records)
    modelled = Question(estimators=DEFAULT, seed=seed, parts=False)
    plain = Question(estimators=DEFAULT[:1], seed=seed, parts=False)
    return (
        answer(targets, facts, found, modelled, itself=own, records=records),
        answer(targets, facts, found, plain, itself=own),
    )
