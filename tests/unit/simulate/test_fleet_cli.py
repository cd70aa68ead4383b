"""`bandit-router fleet`: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from bandit_router.cli.app import main

ROOT = Path(__file__).resolve().parents[3]
ROW = {"prompt": "why?", "arms": {"cheap": {"score": 0.5, "cost": 0.001}, "dear": {"score": 1, "cost": 0.1}}}
Write = Callable[..., Path]
Fails = Callable[..., tuple[object, str]]


@pytest.fixture
def running(write: Write, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    arguments = ["fleet", "--outcomes", str(write(ROW)), "--port", "0", "--json", str(tmp_path / "fleet.json")]
    command = [sys.executable, "-m", "bandit_router", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        yield process
        process.kill()


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str]]:
    """Run the command in this process, where it must end before it serves; return exit code and standard error."""

    def run(*arguments: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["bandit-router", "fleet", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return run


def test_it_says_where_it_listens_and_answers_there(running: subprocess.Popen[str]) -> None:
    assert running.stdout is not None
    line = running.stdout.readline()
    url = next(word for word in line.split() if word.startswith("http://"))
    assert [model["id"] for model in httpx.get(f"{url}/models").json()["data"]] == ["cheap", "dear", "judge"]


def test_the_json_file_holds_address_and_prices(running: subprocess.Popen[str], tmp_path: Path) -> None:
    assert running.stdout is not None
    line = running.stdout.readline()
    listing = json.loads((tmp_path / "fleet.json").read_text())
    assert listing["url"] in line
    assert [model["name"] for model in listing["models"]] == ["cheap", "dear"]
    assert all(model["output_usd_per_million"] > 0 for model in listing["models"])


def test_ctrl_c_ends_it_with_exit_code_0(running: subprocess.Popen[str]) -> None:
    assert running.stdout is not None
    url = next(word for word in running.stdout.readline().split() if word.startswith("http://"))
    httpx.get(f"{url}/models")
    running.send_signal(signal.SIGINT)
    assert running.wait(10) == 0


def test_a_bad_table_ends_it_with_exit_code_2_and_one_line(write: Write, fails: Fails) -> None:
    path = write({"prompt": "why?", "arms": {"m": {"score": 2, "cost": 1}}})
    code, error = fails("--outcomes", str(path))
    assert (code, error) == (2, f"error: {path}:1: 'score' of 'm' is 2; it must be [0, 1]\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--error-rate", "1.5"),
        ("--judge-auc", "1"),
        ("--judge-auc", "0.8", "--judge-noise", "0.1"),
        ("--host", "no.such.host.invalid"),
        ("--port", "99999"),
        ("--json", "/no/such/folder/fleet.json", "--port", "0"),
        ("--outcomes", "none.jsonl"),
    ],
)
def test_a_bad_option_ends_it_with_code_2_and_one_line(write: Write, fails: Fails, arguments: tuple[str, ...]) -> None:
    code, error = fails("--outcomes", str(write(ROW)), *arguments)
    assert (code, error.count("\n"), error.startswith("error: ")) == (2, 1, True)
