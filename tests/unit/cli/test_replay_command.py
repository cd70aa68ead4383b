"""`replay`: what a person types and reads, and the exit codes of answers, bad input and logs that cannot answer."""

from __future__ import annotations

import asyncio
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bandit_router.replay.files import write_records
from bandit_router.replay.record import Record
from bandit_router.settings import load_settings
from bandit_router.store.log import Log
from bandit_router.store.session import open_engine
from simulate.replaying.world import log_of
from tests.unit.cli.test_cli import Shell, ready, shell

__all__ = ["ready", "shell"]

TOML = {
    "careful": 'kind = "fixed_cascade"\nthresholds = 0.55\nmin_judging = 0.1\n',
    "dear": 'kind = "static"\nmodel = "large"\nmin_judging = 0.2\n',
    "learner": 'kind = "vw_cb"\nclimb = "thresholds"\n[thresholds]\ndefault = 0.55\n',
}


@pytest.fixture(scope="module")
def live() -> list[Record]:
    return log_of("live", rows=1500, seed=3)[0]


@pytest.fixture
def logged(shell: Shell, live: list[Record]) -> Shell:
    for name, text in TOML.items():
        Path(f"{name}.toml").write_text(text)
    list(write_records(Path("log.parquet"), live))
    return shell


def result(shell: Shell, *arguments: str, code: int = 0) -> Any:
    shell("replay", *arguments, "--json", "out.json", code=code)
    return json.loads(Path("out.json").read_text())


def test_an_answer_is_a_table_with_intervals(logged: Shell) -> None:
    told = logged("replay", "log.parquet", "--target", "careful.toml", "--target", "dear.toml")
    assert "as logged" in told
    assert "careful" in told
    assert "over the log" in told


def test_targets_are_compared_with_the_log_and_each_other(logged: Shell) -> None:
    found = result(logged, "log.parquet", "--target", "careful.toml", "--target", "dear.toml")
    careful = found["targets"][0]
    assert careful["against_logging"]["low"] > 0
    assert list(careful["estimates"]) == ["cressie_read", "dr_sequential"]
    assert [(each["policy"], each["over"]) for each in found["differences"]] == [("careful", "dear")]
    assert found["differences"][0]["low"] > 0


def test_every_estimator_can_be_asked_for(logged: Shell) -> None:
    names = "ips,snips,dm,dr,sndr,switch_dr,dros,cressie_read,dr_sequential"
    found = result(logged, "log.parquet", "--target", "careful.toml", "--estimator", names)
    assert list(found["targets"][0]["estimates"]) == names.split(",")


def test_a_log_that_cannot_answer_is_exit_code_3_and_words(logged: Shell, live: list[Record]) -> None:
    list(write_records(Path("twice.jsonl"), [*live, *live]))
    found = result(logged, "twice.jsonl", "--target", "careful.toml", code=3)
    line = found["targets"][0]
    assert line["estimates"] is None
    assert line["findings"][0]["code"] == "duplicates"


def test_bad_input_is_exit_code_2(logged: Shell) -> None:
    assert "no such policy file" in logged("replay", "log.parquet", "--target", "no.toml", code=2)
    assert "cressie_read" in logged(
        "replay", "log.parquet", "--target", "dear.toml", "--estimator", "cresie_read", code=2
    )
    assert "cannot be read" in logged("replay", "no.parquet", "--target", "dear.toml", code=2)
    assert "carries no probabilities of 'x'" in logged("replay", "log.parquet", "--target", "column:x", code=2)


def test_processes_give_the_same_numbers(logged: Shell) -> None:
    here = result(logged, "log.parquet", "--target", "careful.toml")
    assert result(logged, "log.parquet", "--target", "careful.toml", "--jobs", "2") == here


@pytest.mark.skipif(find_spec("ray") is None, reason="the ray extra is not installed")
def test_ray_gives_the_same_numbers(logged: Shell) -> None:
    targets = ("--target", "careful.toml", "--target", "dear.toml")
    assert result(logged, "log.parquet", *targets, "--engine", "ray") == result(logged, "log.parquet", *targets)


def test_the_time_asked_for_is_kept_to(logged: Shell) -> None:
    found = result(logged, "log.parquet", "--target", "careful.toml", "--since", "2025-01-01T00:10:00")
    assert found["log"]["decisions"] == 900


def test_a_learning_target_learns_from_a_file_as_it_goes(logged: Shell) -> None:
    line = result(logged, "log.parquet", "--target", "learner.toml")["targets"][0]
    assert (line["learned"], line["answers"]) == ("log", True)
    again = result(logged, "log.parquet", "--target", "learner.toml", "--learning", "rejection")["targets"][0]
    assert again["taken_over"] > 30
    assert list(again["estimates"]) == ["rejection"]


def test_a_database_is_a_log(ready: Shell, live: list[Record], tmp_path: Path) -> None:
    url = load_settings(tmp_path / "router.toml").store.url

    async def fill() -> None:
        engine = open_engine(url)
        log = Log(engine)
        for record in live[:400]:
            await log.decided(record.decision)
            await log.finished(record.outcome)
        log.close()
        engine.dispose()

    asyncio.run(fill())
    Path("careful.toml").write_text(TOML["careful"])
    list(write_records(Path("log.jsonl"), live[:400]))
    by_database, by_file = (result(ready, log, "--target", "careful.toml") for log in (url, "log.jsonl"))
    assert by_database == by_file


def test_with_a_page_targets_are_held_against_each_model_and_a_cascade_too(logged: Shell) -> None:
    found = result(logged, "log.parquet", "--target", "careful.toml", "--report", "out.html")
    names = ["always small", "always medium", "always large", "fixed cascade"]
    assert [line["policy"] for line in found["references"]] == names
    answered = [line["policy"] for line in found["references"] if line["answers"]]
    assert [(pair["policy"], pair["over"]) for pair in found["differences"]] == [("careful", name) for name in answered]
    large = next(pair for pair in found["differences"] if pair["over"] == "always large")
    assert large["low"] > 0
    assert large["cost_usd"]["high"] < 0
    page = Path("out.html").read_text()
    assert all(name in page for name in names)
    assert found["targets"][0]["against_logging"]["quality"]["low"] > 0


def test_a_reference_that_the_log_cannot_answer_for_is_no_exit_code(logged: Shell) -> None:
    found = result(logged, "log.parquet", "--target", "careful.toml", "--report", "out.html")
    assert not all(line["answers"] for line in found["references"])
    assert "No answer" in Path("out.html").read_text()


def test_the_page_stands_by_itself(logged: Shell) -> None:
    logged("replay", "log.parquet", "--target", "careful.toml", "--target", "dear.toml", "--report", "out.html")
    page = Path("out.html").read_text()
    assert page.count("<svg") == 3
    assert "http" not in page
    assert "<script" not in page
    assert "prefers-color-scheme: dark" in page
    assert "Over time" in page
