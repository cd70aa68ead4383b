"""A process killed in the middle of its work loses nothing that it was told is durable."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from bandit_router.reward.feedback import combine
from bandit_router.store import tables
from bandit_router.store.events import Events
from bandit_router.store.log import Log
from tests.factories import make_decision, make_outcome

ROOT = Path(__file__).resolve().parents[3]
LINES = 300


@pytest.fixture
def promised(database_url: str) -> dict[str, set[str]]:
    """The ids that a writer was told are durable, by kind, before it was killed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(Path(__file__).with_name("writer_to_kill.py")), database_url]
    told: dict[str, set[str]] = defaultdict(set)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as writer:
        assert writer.stdout
        lines = [writer.stdout.readline() for _ in range(LINES)]
        writer.kill()
        lines += writer.stdout.readlines()
    for line in lines:
        if line.endswith("\n"):  # the last one may be torn
            kind, id_ = line.split()
            told[kind].add(id_)
    return told


def test_every_promised_row_is_there(promised: dict[str, set[str]], engine: Engine) -> None:
    with engine.connect() as connection:
        kept = {
            "decided": set(connection.scalars(select(tables.decisions.c.id))),
            "finished": set(connection.scalars(select(tables.outcomes.c.decision_id))),
            "feedback": set(connection.scalars(select(tables.feedback.c.id))),
        }
    assert all(len(promised[kind]) > 20 for kind in kept)
    assert {kind: promised[kind] - kept[kind] for kind in kept} == {kind: set() for kind in kept}


def test_the_journal_gives_each_finished_decision_once(promised: dict[str, set[str]], engine: Engine) -> None:
    events, read, cursor = Events(engine, combine=combine), Counter[str](), 0
    while page := events.read(cursor, limit=10):
        read.update(event.decision.id for event in page if event.kind == "finished")
        cursor = page[-1].seq
    assert promised["finished"] <= read.keys()
    assert set(read.values()) == {1}


async def test_the_next_process_goes_on(promised: dict[str, set[str]], engine: Engine) -> None:
    log, events = Log(engine), Events(engine, combine=combine)
    before, decision = events.head(), make_decision(10**6)
    await log.decided(decision)
    await log.finished(make_outcome(decision))
    log.close()
    assert [event.decision.id for event in events.read(before, limit=10)] == [decision.id]
