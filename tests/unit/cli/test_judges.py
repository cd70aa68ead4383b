"""`judges report`: what a person is told of the judges, from the log."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bandit_router.settings import load_settings
from bandit_router.store.log import Log
from bandit_router.store.session import open_engine
from tests.factories import make_feedback
from tests.unit.cli.test_cli import Shell, ready, shell
from tests.unit.judge.verdicts import answer_events

__all__ = ["ready", "shell"]


async def _log(engine: Engine, answers: int) -> None:
    log = Log(engine)
    for number in range(answers):
        good = number % 3 > 0
        event = answer_events(number, {"critic": 0.9 if good else 0.2, "other": 0.5}, float(good))[0]
        await log.decided(event.decision)
        await log.finished(event.outcome)
        await log.feedback(make_feedback(number, decision=event.decision, score=float(good)))
    log.close()


@pytest.fixture
def judged(ready: Shell, tmp_path: Path) -> Shell:
    engine = open_engine(load_settings(tmp_path / "router.toml").store.url)
    asyncio.run(_log(engine, 60))
    engine.dispose()
    return ready


def test_the_report_shows_every_judge_and_its_figures(judged: Shell, tmp_path: Path) -> None:
    told = judged("judges", "report", "--json", str(tmp_path / "report.json"))
    assert "critic" in told
    standings = json.loads((tmp_path / "report.json").read_text())["standings"]
    assert [(each["judge"], each["answers"], each["figures"]["auc"]) for each in standings] == [
        ("panel", 60, 1.0),
        ("critic", 60, 1.0),
        ("other", 60, 0.5),
    ]


def test_the_report_can_leave_out_what_is_old(judged: Shell, tmp_path: Path) -> None:
    judged("judges", "report", "--since", "2026-01-02T03:04:35.678901", "--json", str(tmp_path / "report.json"))
    standings = json.loads((tmp_path / "report.json").read_text())["standings"]
    assert standings[0]["answers"] == 30


def test_a_moment_that_is_none_is_refused(judged: Shell) -> None:
    assert "7d" in judged("judges", "report", "--since", "yesterday", code=2)


def test_a_log_without_judged_answers_is_reported_as_it_is(ready: Shell) -> None:
    assert "panel" in ready("judges", "report")
