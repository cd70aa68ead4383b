"""What leaves the database as a file comes back as the same events, whatever the database and the kind of file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from sqlalchemy import Engine

from bandit_router.errors import ConfigError
from bandit_router.replay.export import logged
from bandit_router.replay.files import read_records, write_records
from bandit_router.replay.record import Record, journal
from bandit_router.replay.row import to_record, to_row
from bandit_router.replay.schema import schema
from bandit_router.reward.feedback import combine
from bandit_router.store.events import Events
from bandit_router.store.log import Log
from bandit_router.types import Event, Pmf
from tests.factories import START, make_decision, make_failed, make_feedback, make_outcome, make_step


def plain(events: Iterable[Event]) -> list[Any]:
    """Events as values that compare: contexts hold arrays."""
    return [
        (event.seq, event.kind, event.feedback, to_row(Record(seq=0, decision=event.decision, outcome=event.outcome)))
        for event in events
    ]


async def _fill(engine: Engine, decisions: int) -> None:
    log = Log(engine, log_text="full")
    for number in range(decisions):
        sampled = make_step(
            model="small", pmf=Pmf(probs=(0.8, 0.1, 0.1), judge=(0.25, 1.0, 1.0)), judged=number % 2 > 0
        )
        decision = make_decision(
            number, step=sampled, tenant=f"tenant-{number % 2}", session="talk" if number else None
        )
        failed = {"history": (make_failed(),), "served": None, "status": "failed", "steps": (decision.step,)}
        outcome = make_outcome(decision, models=("small", "large")) if number % 3 else make_outcome(decision, **failed)
        await log.decided(decision)
        await log.finished(outcome)
        if number % 2:
            said = [make_feedback(2 * number + i, decision=decision, score=0.5 * i) for i in (0, 1)]
            await log.feedback(said[0])
            await log.feedback(replace(said[1], late=number % 4 == 3, comment="so so", label="up"))
    log.close()


@pytest.fixture
def filled(engine: Engine) -> Engine:
    asyncio.run(_fill(engine, 9))
    return engine


@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl", "log.jsonl.gz"])
def test_a_file_gives_the_events_of_the_database(filled: Engine, tmp_path: Path, name: str) -> None:
    events = Events(filled, combine=combine)
    assert list(write_records(tmp_path / name, logged(events, page=4)))[-1] == 9
    assert plain(journal(read_records(tmp_path / name))) == plain(events.read(0, limit=100))


def test_late_feedback_is_kept_and_does_not_count(filled: Engine) -> None:
    by_number = {record.decision.id: record for record in logged(Events(filled, combine=combine))}
    late = by_number["decision-000003"]
    assert [said.feedback.late for said in late.feedback] == [False, True]
    assert late.event.feedback == 0.0


def test_an_export_is_of_the_time_asked_for(filled: Engine) -> None:
    span = {"since": START + timedelta(seconds=2), "until": START + timedelta(seconds=5)}
    found = [record.decision.id for record in logged(Events(filled, combine=combine), **span, page=2)]
    assert found == ["decision-000002", "decision-000003", "decision-000004"]


def test_pages_are_written_as_row_groups_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bandit_router.replay.files.GROUP", 4)
    records = [Record(seq=n + 1, decision=(d := make_decision(n)), outcome=make_outcome(d)) for n in range(10)]
    assert list(write_records(tmp_path / "log.parquet", records)) == [4, 8, 10]
    assert pyarrow.parquet.ParquetFile(tmp_path / "log.parquet").metadata.num_row_groups == 3


def test_probabilities_of_a_target_are_columns_of_their_own(tmp_path: Path) -> None:
    decision = make_decision()
    record = Record(seq=1, decision=decision, outcome=make_outcome(decision), target_probs=(("other", 0.25),))
    list(write_records(tmp_path / "log.parquet", [record]))
    assert "target_prob:other" in pyarrow.parquet.ParquetFile(tmp_path / "log.parquet").schema_arrow.names
    assert next(read_records(tmp_path / "log.parquet")).target_probs == (("other", 0.25),)


def test_an_empty_log_is_a_file_without_rows(tmp_path: Path) -> None:
    list(write_records(tmp_path / "log.parquet", []))
    assert list(read_records(tmp_path / "log.parquet")) == []


def test_a_parquet_file_of_something_else_is_refused(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(ConfigError, match="is no exported log"):
        list(read_records(tmp_path / "a.parquet"))


def test_a_log_of_another_schema_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('\n{"bandit_router.schema": 9}\n')
    with pytest.raises(ConfigError, match=r"log.jsonl:2: is of schema 9"):
        list(read_records(path))


def test_a_decision_without_steps_is_refused() -> None:
    decision = make_decision()
    row = to_row(Record(seq=1, decision=decision, outcome=make_outcome(decision))) | {"steps": []}
    with pytest.raises(ValueError, match="without steps"):
        to_record(row)


@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl"])
def test_what_the_provider_said_that_answered_comes_back(tmp_path: Path, name: str) -> None:
    decision = make_decision()
    outcome = make_outcome(decision)
    said = {"provider_model": "large-2026-11-01", "system_fingerprint": "fp_1"}
    judged = replace(outcome.history[0], attempt=replace(outcome.history[0].attempt, **said))
    written = Record(seq=1, decision=decision, outcome=replace(outcome, history=(judged, *outcome.history[1:])))
    list(write_records(tmp_path / name, [written]))
    [found] = read_records(tmp_path / name)
    attempt = found.outcome.history[0].attempt
    assert (attempt.provider_model, attempt.system_fingerprint) == ("large-2026-11-01", "fp_1")


def test_a_file_from_before_that_was_kept_is_read() -> None:
    decision = make_decision()
    row = to_row(Record(seq=1, decision=decision, outcome=make_outcome(decision)))
    for attempt in row["attempts"]:
        del attempt["provider_model"], attempt["system_fingerprint"]
    assert {judged.attempt.provider_model for judged in to_record(row).outcome.history} == {""}


@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl"])
def test_what_is_known_of_a_model_comes_back(tmp_path: Path, name: str) -> None:
    decision = make_decision()
    outcome = make_outcome(decision)
    first, *others = decision.step.actions
    known = replace(first, family="ours", line="ours-1", size_b=8.5, benchmarks=(("quiz", 0.1 + 0.2), ("exam", 0.5)))
    step = replace(decision.step, actions=(known, *others))
    written = Record(seq=1, decision=replace(decision, step=step), outcome=replace(outcome, steps=(step,)))
    list(write_records(tmp_path / name, [written]))
    [found] = read_records(tmp_path / name)
    assert found.decision.step.actions == step.actions


def test_of_a_model_of_which_nothing_is_known_nothing_is_written() -> None:
    decision = make_decision()
    row = to_row(Record(seq=1, decision=decision, outcome=make_outcome(decision)))
    assert all(set(action) == {"model", "tier", "cost_usd", "fuses"} for action in row["steps"][0]["actions"])
    assert to_record(row).decision.step.actions == decision.step.actions


def test_a_score_that_none_can_have_is_refused() -> None:
    decision = make_decision()
    row = to_row(Record(seq=1, decision=decision, outcome=make_outcome(decision)))
    row["steps"][0]["actions"][0]["benchmarks"] = {"quiz": 72.0}
    with pytest.raises(ValueError, match="quiz of action"):
        to_record(row)


def test_every_column_is_documented() -> None:
    told = (Path(__file__).parents[3] / "docs" / "replay.md").read_text()
    names = {field.name for field in schema()} | set(_inner(schema()))
    assert sorted(name for name in names if not re.search(rf"`{name}(\[\])?`", told)) == []


def _inner(fields: Any) -> Iterator[str]:
    for field in fields:
        kind = field.type.value_type if pyarrow.types.is_list(field.type) else field.type
        if pyarrow.types.is_struct(kind):
            yield from (one.name for one in kind)
            yield from _inner(kind)


def test_a_name_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"name it \.parquet"):
        list(write_records(tmp_path / "log.csv", []))
