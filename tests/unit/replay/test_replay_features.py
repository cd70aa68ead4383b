"""Probabilities that do not follow what was drawn by are found out from contexts, whichever way a log is read."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from bandit_router.evaluate.leaning import strongest
from bandit_router.replay import work
from bandit_router.replay.answer import Question
from bandit_router.replay.facts import Gathering, facts_of
from bandit_router.replay.files import write_records
from bandit_router.replay.log import LogAt
from bandit_router.replay.record import Record
from bandit_router.replay.row_groups import simple_group
from bandit_router.replay.run import Plan, replay
from bandit_router.replay.targets import Target
from bandit_router.types import Action, Pmf
from simulate.replaying.world import log_of
from tests.factories import make_decision, make_judged, make_outcome, make_step
from tests.unit.replay.test_replay_columns import SPECS

ACTIONS = (Action(model="medium", tier=0, cost_usd=0.0001), Action(model="large", tier=1, cost_usd=0.003))


def follow(rows: int, *, by: str, logged: tuple[float, float] | None = None) -> list[Record]:
    """A log that draws .85 / .15 by one number of the context, of one category, and says so unless told otherwise."""
    luck = random.Random(4)
    records = []
    for number in range(rows):
        high = luck.random() < 0.5
        probs = (0.15, 0.85) if high else (0.85, 0.15)
        chosen = luck.choices((0, 1), probs)[0]
        step = make_step(model=ACTIONS[chosen].model, pmf=Pmf(probs=logged or probs))
        step = replace(step, actions=ACTIONS, chosen=chosen)
        decision = make_decision(number, step=step)
        surface = {"length": float(high), "lines": luck.random()} if by == "surface" else {"lines": 1.0}
        embedding = np.array([0.5, float(high) if by == "embedding" else 0.0], dtype=np.float32)
        confidence = float(high) if by == "confidence" else 0.9
        value = (0.1 if high else 0.01) if by == "value_usd" else 0.01
        context = replace(decision.context, surface=surface, embedding=embedding, confidence=confidence)
        decision = replace(decision, context=context, value_usd=value)
        answer = make_judged(model=ACTIONS[chosen].model, quality=luck.random())
        outcome = make_outcome(decision, history=(answer,), steps=(step,), served=0)
        records.append(Record(seq=number + 1, decision=decision, outcome=outcome))
    return records


def replayed(path: Path) -> Mapping[str, Any]:
    plan = Plan(question=Question(estimators=("ips",)))
    return replay(LogAt(place=str(path)), [Target(name="medium", kind="test", specs=SPECS)], plan)


def logged(path: Path, records: list[Record]) -> Path:
    list(write_records(path, records))
    return path


@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl"])
@pytest.mark.parametrize("by", ["surface", "embedding", "confidence", "value_usd"])
def test_even_pmfs_of_a_log_that_follows_a_number_are_found_out(tmp_path: Path, by: str, name: str) -> None:
    found = replayed(logged(tmp_path / name, follow(600, by=by, logged=(0.5, 0.5))))
    [said, *_] = found["targets"][0]["findings"]
    assert said["code"] == "wrong_propensities"
    assert f"the higher {by}" in said["message"]
    assert found["logging"] is None


@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl"])
@pytest.mark.parametrize("by", ["surface", "embedding", "confidence", "value_usd"])
def test_the_true_pmfs_of_it_are_let_through(tmp_path: Path, by: str, name: str) -> None:
    found = replayed(logged(tmp_path / name, follow(600, by=by)))
    assert found["targets"][0]["answers"]


def test_both_ways_and_any_pieces_add_up_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bandit_router.replay.files.GROUP", 70)
    records = follow(300, by="surface")
    records[3] = replace(records[3], decision=replace(records[3].decision, context=_bare(records[3])))
    records[4] = replace(records[4], propensities=False)
    path = logged(tmp_path / "log.parquet", records)
    gathering = Gathering()
    for number in range(5):
        columns = simple_group(path, number, None, None)
        assert columns is not None
        gathering.add(columns.facts())
    pieces, whole = gathering.facts().leanings, facts_of(records).leanings
    assert len(pieces) == 2 * 6
    for key, sums in pieces.items():
        np.testing.assert_allclose(sums, whole[key], err_msg=str(key), atol=1e-9)


def _bare(record: Record) -> Any:
    return replace(record.decision.context, surface={"lines": 0.5}, embedding=np.zeros(0, dtype=np.float32))


def test_of_a_long_log_some_row_groups_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bandit_router.replay.files.GROUP", 50)
    monkeypatch.setattr(work, "SAMPLED", 200)
    path = logged(tmp_path / "log.parquet", follow(600, by="surface", logged=(0.5, 0.5)))
    groups = list(work.pieces_of_file(path, since=None, until=None))
    assert [group.contexts for group in groups if isinstance(group, work.Group)] == [True, False, False] * 4
    assert replayed(path)["logging"] is None


def test_stops_that_follow_the_quality_so_far_are_found_out() -> None:
    records = [_even_stops(record) for record in log_of("climber", rows=600, seed=3)[0]]
    sums = facts_of(records).leanings
    assert ("stop", "the best quality so far") in sums
    found = strongest(sums)
    assert found is not None
    assert found.p_value < 1e-4
    assert found.feature == "the best quality so far"


def _even_stops(record: Record) -> Record:
    steps = tuple(
        replace(step, pmf=replace(step.pmf, probs=(1 / len(step.actions),) * len(step.actions))) if step.index else step
        for step in record.outcome.steps
    )
    return replace(record, outcome=replace(record.outcome, steps=steps))


def test_row_groups_outside_the_time_asked_for_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bandit_router.replay.files.GROUP", 50)
    records = follow(200, by="surface")
    path = logged(tmp_path / "log.parquet", records)
    since, until = (records[place].decision.created_at for place in (60, 150))
    groups = work.pieces_of_file(path, since=since, until=until)
    assert [group.number for group in groups if isinstance(group, work.Group)] == [1, 2]


@pytest.mark.parametrize("statistics", [True, False])
def test_how_long_a_log_is_goes_by_the_time_asked_for(tmp_path: Path, *, statistics: bool) -> None:
    records = follow(200, by="surface")
    path = logged(tmp_path / "log.parquet", records)
    whole = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(whole, path, row_group_size=50, write_statistics=statistics)
    since, until = (records[place].decision.created_at for place in (60, 150))
    assert LogAt(place=str(path), since=since, until=until).longer_than(89)
    assert not LogAt(place=str(path), since=since, until=until).longer_than(90)
    assert LogAt(place=str(path)).longer_than(199)
    assert not LogAt(place=str(path)).longer_than(200)
