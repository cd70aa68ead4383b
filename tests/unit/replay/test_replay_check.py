"""What no decision can have been logged with is named, whatever the kind of file and the way it is read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from math import nan
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from bandit_router.errors import BadRequest, ConfigError
from bandit_router.replay.answer import Question
from bandit_router.replay.facts import facts_of
from bandit_router.replay.files import read_records, write_records
from bandit_router.replay.log import LogAt
from bandit_router.replay.row import to_row
from bandit_router.replay.row_groups import simple_group
from bandit_router.replay.run import Plan, replay
from bandit_router.replay.schema import KEY, VERSION
from bandit_router.replay.targets import Target
from tests.unit.replay.test_replay_columns import SPECS, record

Row = dict[str, Any]


def _step(**given: Any) -> Callable[[Row], None]:
    return lambda row: row["steps"][0].update(given)


def _action(**given: Any) -> Callable[[Row], None]:
    return lambda row: row["steps"][0]["actions"][1].update(given)


def _attempt(**given: Any) -> Callable[[Row], None]:
    return lambda row: row["attempts"][0].update(given)


def _top(**given: Any) -> Callable[[Row], None]:
    return lambda row: row.update(given)


NUMBERS: Mapping[str, tuple[Callable[[Row], None], str]] = {
    "no chance of what was done": (_step(pmf=[0.5, 0.0, 0.5]), "no chance"),
    "a pmf with NaN": (_step(pmf=[nan, 0.6, 0.2]), "a probability of step 0 is nan"),
    "a negative probability": (_step(pmf=[-0.2, 0.6, 0.6]), "a probability of step 0 is -0.2"),
    "half a pmf": (_step(pmf=[0.1, 0.3, 0.1]), "sums to 0.5"),
    "a pmf that is too short": (_step(pmf=[0.4, 0.6]), "3 actions, 2 probabilities"),
    "judging too short": (_step(judge=[0.5]), "judge of step 0 has 1 entries for 3 actions"),
    "judging above 1": (_step(judge=[0.5, 2.0, 0.5]), "a probability of step 0 is 2.0"),
    "judging without a chance": (_step(judge=[0.5, 0.0, 0.5], judged=True), "gives judging no chance"),
    "predictions too short": (_step(predicted=[0.5]), "predicted of step 0 has 1 entries"),
    "an action that was not there": (_step(chosen=9), "3 actions"),
    "an action before the first": (_step(chosen=-1), "3 actions"),
    "no step": (_top(steps=[]), "without steps"),
    "steps that are null": (_top(steps=None), "no decision of this schema"),
    "a price of NaN": (_action(cost_usd=nan), "cost_usd of action medium is nan"),
    "a price below 0": (_action(cost_usd=-1.0), "cost_usd of action medium"),
    "an action of no tier": (_action(tier=None), "tier None"),
    "a propensity that is null": (_step(propensity=None), "propensity is None"),
    "a propensity of NaN": (_step(propensity=nan), "propensity is nan"),
    "no attempts": (_top(attempts=[]), "the steps call 1 models, and there are 0 attempts"),
    "attempts that are null": (_top(attempts=None), "no decision of this schema"),
    "a cost of NaN": (_attempt(cost_usd=nan), "cost_usd of attempt 0 is nan"),
    "a cost below 0": (_attempt(cost_usd=-5.0), "cost_usd of attempt 0"),
    "a cost that is null": (_attempt(cost_usd=None), "cost_usd of attempt 0"),
    "a quality of 5": (_attempt(quality=5.0), "quality of attempt 0 is 5.0"),
    "a latency of NaN": (_attempt(latency_s=nan), "latency_s of attempt 0"),
    "an answer served that was not tried": (_top(served=7), "served is 7, and there are 1 attempts"),
    "an answer served before the first": (_top(served=-1), "served is -1"),
    "a value of 0": (_top(value_usd=0.0), "value_usd is 0.0; it must be a number, more than 0"),
    "a value that is null": (_top(value_usd=None), "value_usd is None"),
    "a value of time of 0": (_top(value_s=0.0), "value_s is 0.0"),
    "a wait of NaN": (_top(latency_s=nan), "latency_s is nan"),
    "no time": (_top(created_at=None), "the time None is none"),
    "a time long ago": (_top(created_at=datetime(1900, 1, 1, tzinfo=UTC)), "created_at is 1900"),
    "an id that is null": (_top(id=None), "id is None"),
    "a policy that is null": (_top(policy=None), "policy is None"),
    "propensities neither known nor not": (_top(propensities=None), "propensities is None"),
    "a chance of a target above 1": (_top(**{"target_prob:told": 1.5}), "target_prob:told is 1.5"),
    "feedback of 2": (lambda row: row["feedback"][0].update(score=2.0), "score of feedback is 2.0"),
}


def _changed(change: Callable[[Row], None]) -> list[Row]:
    rows = [copy.deepcopy(to_row(record(number))) for number in (0, 1)]
    change(rows[1])
    return rows


def _write_lines(path: Path, rows: list[Row]) -> Path:
    path.write_text("".join(json.dumps({KEY: VERSION, **row}, default=datetime.isoformat) + "\n" for row in rows))
    return path


def _write_columns(path: Path, rows: list[Row]) -> Path:
    list(write_records(path, [record(0)]))
    kind = pyarrow.parquet.read_schema(path)
    pairs = [{**row, "context": {**row["context"], "surface": list(row["context"]["surface"].items())}} for row in rows]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(pairs, schema=kind), path)
    return path


@pytest.mark.parametrize("what", NUMBERS)
def test_a_line_that_is_no_decision_is_named_with_what_is_wrong(tmp_path: Path, what: str) -> None:
    change, message = NUMBERS[what]
    path = _write_lines(tmp_path / "log.jsonl", _changed(change))
    with pytest.raises(ConfigError, match=f"log.jsonl:2: .*{message}"):
        list(read_records(path))


@pytest.mark.parametrize("what", NUMBERS)
def test_a_row_that_is_no_decision_is_named_by_the_fast_way_too(tmp_path: Path, what: str) -> None:
    change, message = NUMBERS[what]
    path = _write_columns(tmp_path / "log.parquet", _changed(change))
    with pytest.raises(ConfigError, match=message):
        _replayed(path)


def _replayed(path: Path, target: str = "cheapest") -> Mapping[str, Any]:
    specs = SPECS if target in SPECS else {}
    plan = Plan(question=Question(estimators=("ips",)))
    return replay(LogAt(place=str(path)), [Target(name=target, kind="test", specs=specs)], plan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_top(created_at=1_700_000_000), "the time 1700000000 is none"),
        (_top(value_usd="much"), "value_usd is 'much'"),
        (_top(context=None), "no decision of this schema"),
        (_step(pmf=None), "no decision of this schema"),
        (lambda row: row["context"].update(embedding=[nan]), "embedding holds a number that is not finite"),
        (lambda row: row["context"].update(confidence=nan), "confidence is nan"),
        (lambda row: row["context"]["surface"].update(length=nan), "surface length is nan"),
        (lambda row: row["steps"][0]["actions"][0].update(strange=1), "no decision of this schema"),
    ],
)
def test_a_line_of_other_types_is_named(tmp_path: Path, change: Callable[[Row], None], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        list(read_records(_write_lines(tmp_path / "log.jsonl", _changed(change))))


def test_two_steps_of_one_decision_and_none_of_another_are_named(tmp_path: Path) -> None:
    rows = _changed(lambda row: row.update(steps=[]))
    rows[0]["steps"] *= 2
    with pytest.raises(ConfigError, match="no decision of this schema"):
        _replayed(_write_columns(tmp_path / "log.parquet", rows))


def test_a_damaged_page_is_named_whichever_way_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    list(write_records(path, [record(number) for number in range(300)]))
    whole = bytearray(path.read_bytes())
    whole[300:3000] = bytes(2700)
    path.write_bytes(bytes(whole))
    with pytest.raises(ConfigError, match="is damaged"):
        simple_group(path, 0, None, None)
    with pytest.raises(ConfigError, match="is damaged"):
        list(read_records(path))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    list(write_records(path, [record(1)]))
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(path).drop_columns(["latency_s"]), path)
    with pytest.raises(ConfigError, match="lacks 'latency_s'"):
        _replayed(path)


def test_rows_without_the_probability_of_a_column_are_refused_by_the_fast_way_too(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    list(write_records(path, [record(0), replace(record(1), target_probs=())]))
    with pytest.raises(BadRequest, match="carries no probabilities of 'told'"):
        _replayed(path, "told")


def test_dollars_are_those_of_the_attempts_either_way(tmp_path: Path) -> None:
    rows = _changed(_top(cost_usd=99.0, quality=0.0))
    path = _write_columns(tmp_path / "log.parquet", rows)
    columns = simple_group(path, 0, None, None)
    assert columns is not None
    assert columns.facts().cost_usd.tolist() == facts_of(list(read_records(path))).cost_usd.tolist()


@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl"])
def test_propensities_that_are_not_their_pmfs_are_found_out_and_nothing_is_told(tmp_path: Path, name: str) -> None:
    rows = [to_row(record(number)) for number in range(200)]
    for row in rows:
        row["steps"][0]["propensity"] = 1 / 3
    write = _write_columns if name.endswith("parquet") else _write_lines
    found = _replayed(write(tmp_path / name, rows))
    said = [finding for finding in found["targets"][0]["findings"] if finding["code"] == "wrong_propensities"]
    assert "200 of 200 rows have a propensity that is not their pmf's entry" in said[0]["message"]
    assert found["logging"] is None


def test_a_log_with_repeated_decisions_does_not_tell_what_was_earned(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    list(write_records(path, [record(number) for number in (*range(200), *range(20))]))
    found = _replayed(path)
    assert found["targets"][0]["findings"][0]["code"] == "duplicates"
    assert found["logging"] is None
