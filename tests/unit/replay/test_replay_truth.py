"""Replay tells from a log what running a policy tells: the truth lies in the interval, and bad logs are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bandit_router.replay.answer import Question, answer
from bandit_router.replay.facts import facts_of
from bandit_router.replay.record import Record, Said
from bandit_router.replay.taken import itself, taken
from bandit_router.replay.targets import Target
from bandit_router.types import Pmf
from simulate.replaying.truth import check, played_logs, truths
from simulate.replaying.world import log_of, specs
from tests.factories import make_feedback

PLAIN = Question(estimators=("cressie_read",), parts=False)


@pytest.fixture(scope="module")
def live() -> list[Record]:
    return log_of("live", rows=1200, seed=3)[0]


def ask(records: Sequence[Record], *names: str, question: Question = PLAIN) -> Mapping[str, Any]:
    targets = [Target(name=name, kind="test", specs=specs()) for name in names]
    keep = "dr_sequential" in question.estimators
    found = [taken(target, records, max_attempts=3, keep=keep) for target in targets]
    return answer(targets, facts_of(records), found, question, itself=itself(records), records=records if keep else ())


def test_the_truth_is_inside_the_intervals() -> None:
    true = truths(rows=20_000)
    scores = check(played_logs(range(8), rows=1500), true)
    assert sum(score.hits for score in scores.values()) >= 0.9 * sum(s.hits + s.misses for s in scores.values())


def test_the_logging_policy_replayed_is_what_was_logged(live: list[Record]) -> None:
    result = ask(live, "live")
    line = result["targets"][0]
    assert line["diagnosis"]["mean_weight"] == pytest.approx(1, abs=0.1)
    assert line["reward"]["value"] == pytest.approx(result["logging"]["reward"]["value"], abs=0.02)
    assert line["cost_usd"]["value"] == pytest.approx(result["logging"]["cost_usd"]["value"], rel=1e-3)


def test_a_model_narrows_the_interval(live: list[Record]) -> None:
    question = Question(estimators=("cressie_read", "dr_sequential"), parts=False)
    estimates = ask(live, "even", question=question)["targets"][0]["estimates"]
    assert _width(estimates["dr_sequential"]) < 0.7 * _width(estimates["cressie_read"])


def _width(estimate: Mapping[str, float]) -> float:
    return estimate["high"] - estimate["low"]


def refused(records: Sequence[Record], code: str) -> None:
    line = ask(records, "careful")["targets"][0]
    assert not line["answers"]
    assert code in [finding["code"] for finding in line["findings"] if finding["fatal"]]
    assert line["estimates"] is None
    assert line["quality"] is None


def test_uniform_propensities_in_place_of_the_true_ones_are_found_out(live: list[Record]) -> None:
    refused([_even(record) for record in live], "wrong_propensities")


def _even(record: Record) -> Record:
    step = record.decision.step
    even = replace(step, pmf=Pmf(probs=(1 / len(step.actions),) * len(step.actions), judge=step.pmf.judge))
    outcome = replace(record.outcome, steps=(even, *record.outcome.steps[1:]))
    return replace(record, decision=replace(record.decision, step=even), outcome=outcome)


def test_missing_support_is_found_out() -> None:
    refused(log_of("dear", rows=400, seed=1)[0], "unsupported")


def test_events_that_are_there_twice_are_found_out(live: list[Record]) -> None:
    refused([*live, *live[:30]], "duplicates")


def test_a_log_without_propensities_is_refused(live: list[Record]) -> None:
    refused([replace(record, propensities=False) for record in live], "unknown_propensities")


def test_a_log_in_which_nothing_was_judged_is_refused_in_words(live: list[Record]) -> None:
    bare = [replace(record, outcome=replace(record.outcome, history=_unjudged(record))) for record in live]
    line = ask(bare, "careful")["targets"][0]
    assert "nothing was judged" in line["findings"][0]["message"]


def _unjudged(record: Record) -> tuple[Any, ...]:
    return tuple(replace(judged, judgement=None) for judged in record.outcome.history)


def test_an_empty_log_is_refused_in_words() -> None:
    assert "no decisions" in ask([], "careful")["targets"][0]["findings"][0]["message"]


def test_qualities_known_from_feedback_alone_are_remarked_on(live: list[Record]) -> None:
    unasked = [n for n, record in enumerate(live) if record.outcome.served is not None and not _sat(record)][:20]
    told = [_told(record) if number in unasked else record for number, record in enumerate(live)]
    [finding] = [one for one in ask(told, "careful")["targets"][0]["findings"] if one["code"] == "feedback_alone"]
    assert not finding["fatal"]
    assert finding["message"].startswith("20 qualities are known from feedback alone")
    assert "feedback_alone" not in [one["code"] for one in ask(live, "careful")["targets"][0]["findings"]]


def _sat(record: Record) -> bool:
    served = record.outcome.served
    return served is not None and record.outcome.history[served].judgement is not None


def _told(record: Record) -> Record:
    given = make_feedback(record.seq, decision=record.decision, score=1.0)
    return replace(record, feedback=(Said(seq=record.seq, feedback=given),))
