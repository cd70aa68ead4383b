"""How often a replay's interval holds the truth, which is had by running the policy in the same world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from bandit_router.replay.answer import Question, answer
from bandit_router.replay.facts import facts_of
from bandit_router.replay.taken import itself, taken
from bandit_router.replay.targets import Target
from simulate.replaying.world import TARGETS, VALUE_USD, log_of, specs

FIGURES = ("reward", "quality", "cost_usd")


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


def truths(*, rows: int = 100_000, seed: int = 10**6) -> dict[str, dict[str, float]]:
    """Return what each policy truly earns: run in a world of many queries."""
    return {name: _truth(name, rows=rows, seed=seed) for name in (*TARGETS, "live")}


def _truth(name: str, *, rows: int, seed: int) -> dict[str, float]:
    records, run = log_of(name, rows=rows, seed=seed)
    facts = facts_of(records)
    quality = float(run.quality.mean())
    cost = float(facts.cost_usd.mean())
    return {"reward": quality - cost / VALUE_USD, "quality": quality, "cost_usd": cost}


def check(
    repetitions: Sequence[int],
    true: Mapping[str, Mapping[str, float]],
    *,
    rows: int = 4000,
    estimators: tuple[str, ...] = ("cressie_read", "dr_sequential"),
    tick: Callable[[], object] = lambda: None,
) -> dict[tuple[str, str], Score]:
    """Return by policy and figure how often the truth was inside, over logs of different seeds."""
    scores: dict[tuple[str, str], Score] = {}
    for seed in repetitions:
        result = replayed(seed, rows=rows, estimators=estimators)
        for line in result["targets"]:
            name = line["policy"]
            for figure in FIGURES:
                _score(scores, name, figure).add(line[figure], true[name][figure])
            for estimator, found in list(line["estimates"].items())[1:]:
                _score(scores, name, estimator).add(found, true[name]["reward"])
            gain = true[name]["reward"] - true["live"]["reward"]
            _score(scores, name, "over the log").add(line["against_logging"], gain)
        tick()
    return scores


def _score(scores: dict[tuple[str, str], Score], name: str, figure: str) -> Score:
    return scores.setdefault((name, figure), Score())


def replayed(seed: int, *, rows: int, estimators: tuple[str, ...]) -> dict[str, Any]:
    """Return the answer about the targets from one log."""
    records, _ = log_of("live", rows=rows, seed=seed)
    keep = "dr_sequential" in estimators
    targets = [Target(name=name, kind="check", specs=specs()) for name in TARGETS]
    found = [taken(target, records, max_attempts=3, keep=keep) for target in targets]
    question = Question(estimators=estimators, seed=seed, parts=False)
    return answer(targets, facts_of(records), found, question, itself=itself(records), records=records if keep else ())
