"""`export` and `import`: what a person types to get a log out or in."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from bandit_router.replay.files import read_records
from bandit_router.settings import load_settings
from bandit_router.store.log import Log
from bandit_router.store.session import open_engine
from tests.factories import make_decision, make_outcome
from tests.unit.cli.test_cli import Shell, ready, shell

__all__ = ["ready", "shell"]


async def fill(url: str, decisions: int = 3) -> None:
    engine = open_engine(url)
    log = Log(engine)
    for number in range(decisions):
        decision = make_decision(number)
        await log.decided(decision)
        await log.finished(make_outcome(decision))
    log.close()
    engine.dispose()


def test_an_export_can_be_read_back(ready: Shell, tmp_path: Path) -> None:
    asyncio.run(fill(load_settings(tmp_path / "router.toml").store.url))
    assert "3 decisions" in ready("export", "out.parquet")
    assert "2 decisions" in ready("export", "out.jsonl", "--since", "2026-01-02T03:04:06.5")
    assert len(list(read_records(tmp_path / "out.parquet"))) == 3


def test_an_export_to_nowhere_leaves_nothing_behind(ready: Shell, tmp_path: Path) -> None:
    assert "cannot be written" in ready("export", "no/such/folder/out.jsonl", code=2)
    assert "name it .parquet" in ready("export", "out.csv", code=2)
    assert not list(tmp_path.glob(".part*"))


def test_a_foreign_log_becomes_an_exported_one(shell: Shell, tmp_path: Path) -> None:
    rows = [{"id": str(n), "model": "m", "prompt": f"say {n}", "score": 1.0} for n in range(3)]
    Path("chat.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert "3 decisions" in shell("import", "openai", "chat.jsonl", "log.parquet")
    records = list(read_records(tmp_path / "log.parquet"))
    assert [record.event.feedback for record in records] == [1.0, 1.0, 1.0]
    assert not records[0].propensities


def test_a_bad_line_of_a_foreign_log_is_one_line_of_words(shell: Shell) -> None:
    Path("chat.jsonl").write_text('{"model": "m", "score": 7}')
    assert "chat.jsonl:1: 'score' is 7" in shell("import", "openai", "chat.jsonl", "log.jsonl", code=2)
