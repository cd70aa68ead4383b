"""`bandit-router models`: what an operator types to add, retire and readmit models."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bandit_router.cli.app import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    run(monkeypatch, "init")
    run(monkeypatch, "migrate")
    capfd.readouterr()
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bandit-router", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def states(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    assert run(monkeypatch, "models", "list", "--json", "models.json") == 0
    return {row["model"]: row["state"] for row in json.loads(Path("models.json").read_text())}


def test_a_model_is_added_with_what_the_price_list_knows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "models", "add", "newer", "--target", "openai/gpt-4o-mini") == 0
    assert "added newer, which is probed before it takes requests" in capfd.readouterr().out
    assert states(monkeypatch)["newer"] == "candidate"


def test_a_model_is_added_with_what_is_stated_of_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    stated = ("--size-b", "8", "--benchmark", "mmlu_pro=0.72", "--benchmark", "gpqa=0.5")
    assert run(monkeypatch, "models", "add", "newer", "--target", "openai/gpt-4o-mini", *stated) == 0
    with closing(sqlite3.connect(folder / "router.db")) as connection:
        ((kept,),) = connection.execute("SELECT entry FROM models WHERE name = 'newer'")
    entry = json.loads(kept)
    assert (entry["size_b"], entry["benchmarks"]) == (8.0, {"mmlu_pro": 0.72, "gpqa": 0.5})


@pytest.mark.parametrize("score", ["mmlu_pro", "mmlu_pro=72", "mmlu_pro=good"])
def test_a_score_that_is_none_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], score: str
) -> None:
    given = ("newer", "--target", "openai/gpt-4o-mini", "--benchmark", score)
    assert run(monkeypatch, "models", "add", *given) == 2
    assert "mmlu_pro" in capfd.readouterr().err


def test_a_newcomer_is_let_in_by_an_operators_word(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "models", "add", "newer", "--target", "openai/gpt-4o-mini")
    assert run(monkeypatch, "models", "approve", "newer", "--reason", "known elsewhere") == 0
    assert states(monkeypatch)["newer"] == "active"


def test_only_a_newcomer_can_be_approved(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "models", "add", "newer", "--target", "openai/gpt-4o-mini")
    name = next(each for each, state in states(monkeypatch).items() if state == "active")
    assert run(monkeypatch, "models", "approve", name) == 2
    assert "only a candidate" in capfd.readouterr().err


def test_a_model_is_retired_and_readmitted_and_its_history_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    name = next(iter(states(monkeypatch)))
    assert run(monkeypatch, "models", "retire", name, "--reason", "too slow") == 0
    assert states(monkeypatch)[name] == "retired"
    assert run(monkeypatch, "models", "readmit", name) == 0
    assert states(monkeypatch)[name] == "active"
    capfd.readouterr()
    assert run(monkeypatch, "models", "history", name) == 0
    assert "too slow" in capfd.readouterr().out


def test_a_model_without_a_price_is_one_line_of_what_to_add(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "models", "add", "mine", "--target", "openai/mine") == 2
    assert "has no price" in capfd.readouterr().err


def test_a_model_cannot_take_the_name_of_a_policy(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "models", "add", "live", "--target", "openai/gpt-4o-mini") == 2
    assert "a policy is named 'live'" in capfd.readouterr().err
    assert "live" not in states(monkeypatch)
