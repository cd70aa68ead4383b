"""Makes judged answers with known truth, as events, and measures probabilities against truth; it fits nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bandit_router.judge.calibrate import Calibrator
from bandit_router.types import Event, Judged, Judgement, Verdict
from simulate.outcomes import Table, read_table
from tests.factories import make_context, make_decision, make_judged, make_outcome

Says = Callable[[np.random.Generator, bool], float | None]
"""A judge: what it says of an answer that is good or bad."""


def judgement(verdicts: Mapping[str, float | None]) -> Judgement:
    """Return what a panel of equal judges makes of verdicts."""
    scores = [score for score in verdicts.values() if score is not None]
    return Judgement(
        quality=sum(scores) / len(scores) if scores else None,
        verdicts=tuple(Verdict(judge=judge, score=score) for judge, score in verdicts.items()),
    )


def answer_events(
    number: int,
    verdicts: Mapping[str, float | None],
    truth: float | None,
    *,
    model: str = "small",
    category: str = "maths",
) -> list[Event]:
    """Return what the journal holds of one judged answer, with feedback where its truth is given."""
    attempt = replace(make_judged(completion=None).attempt, model=model)
    judged = Judged(attempt=attempt, judgement=judgement(verdicts))
    decision = make_decision(number, context=make_context(number, category=category))
    outcome = make_outcome(decision, history=(judged,), served=0)
    events = [Event(seq=2 * number, kind="finished", decision=decision, outcome=outcome)]
    if truth is not None:
        events.append(Event(seq=2 * number + 1, kind="feedback", decision=decision, outcome=outcome, feedback=truth))
    return events


def world(judges: Mapping[str, Says], answers: int, *, seed: int = 0, good: float = 0.6) -> list[Event]:
    """Return the events of labelled answers of which a share is good."""
    rng = np.random.default_rng(seed)
    events: list[Event] = []
    for number in range(answers):
        truth = bool(rng.random() < good)
        verdicts = {name: says(rng, truth) for name, says in judges.items()}
        events += answer_events(number, verdicts, float(truth))
    return events


def taught(events: Sequence[Event]) -> Calibrator:
    """Return a calibrator that learned events."""
    calibrator = Calibrator()
    calibrator.learn(events)
    return calibrator


def table(name: str) -> Table:
    """Return an outcome table of the shared data; skip the test where there is none."""
    path = Path(__file__).parents[4] / "shared" / "data" / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{path.name}")
    return read_table(path, unique=False)
