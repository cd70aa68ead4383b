"""`bandit-router experiment`: from the file to the page, as a person would."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bandit_router.store.log import Log
from bandit_router.store.session import open_engine
from tests.factories import make_decision, make_outcome
from tests.unit.cli.shell import Shell

NAME = "bandit_vs_cascade"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    made = Shell(monkeypatch, capfd)
    made("init")
    made("migrate")
    return made


def log_requests(folder: Path, n: int, **decision: Any) -> None:
    """Log requests of both arms in turn, of which the treatment's are the better ones."""

    async def write(log: Log) -> None:
        for i in range(n):
            arm = {"experiment": NAME, "arm": "bandit" if i % 2 else "cascade", "unit": f"{i:016x}"}
            made = make_decision(i, **(arm | decision))
            await log.decided(made)
            await log.finished(make_outcome(made, quality=(0.9 if i % 2 else 0.3) + i % 5 / 100))

    engine = open_engine(f"sqlite:///{folder / 'router.db'}")
    log = Log(engine, log_text="none")
    asyncio.run(write(log))
    log.close()
    engine.dispose()


def test_a_file_that_was_not_started_is_listed_as_such(shell: Shell) -> None:
    assert "not started" in shell("experiment", "list")


def test_an_experiment_is_started_ramped_shown_and_stopped(shell: Shell) -> None:
    assert "started with 10%" in shell("experiment", "start", NAME)
    assert "at 50%" in shell("experiment", "ramp", NAME, "--reason", "all is well")
    shell("experiment", "stop", NAME)
    shown = shell("experiment", "show", NAME, "--json", "out.json")
    assert "all is well" in shown
    assert [event["what"] for event in json.loads(Path("out.json").read_text())["events"]] == [
        "started",
        "ramped",
        "stopped",
    ]


def test_a_second_start_is_refused_with_a_remedy(shell: Shell) -> None:
    shell("experiment", "start", NAME)
    assert "another name" in shell("experiment", "start", NAME, code=2)


def test_an_unknown_category_and_an_unknown_key_are_refused(shell: Shell) -> None:
    file = Path("policies/experiments") / f"{NAME}.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(f"{text}\n[eligible]\ncategories = ['math.prof']\n", encoding="utf-8")
    assert "did you mean 'math.proof'" in shell("experiment", "start", NAME, code=2)
    file.write_text(f"{text}\n[eligible]\ncategories = ['other']\nkeys = ['acme']\n", encoding="utf-8")
    assert "no API key is named 'acme'" in shell("experiment", "start", NAME, code=2)
    shell("keys", "create", "acme")
    shell("experiment", "start", NAME)


def test_a_bad_file_is_named_after_what_can_be_listed(shell: Shell) -> None:
    for name, text in (("a bad name", Path("policies/experiments", f"{NAME}.toml").read_text()), ("bad", "unti = 1")):
        Path("policies/experiments", f"{name}.toml").write_text(text, encoding="utf-8")
        assert f"{name}.toml" in shell("experiment", "list", "--json", "out.json", code=2)
        assert [row["experiment"] for row in json.loads(Path("out.json").read_text())] == [NAME]
        Path("policies/experiments", f"{name}.toml").unlink()


def test_a_user_without_a_name_can_start_and_stop(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nameless)
    shell("experiment", "start", NAME)
    shell("experiment", "stop", NAME)
    assert "unknown user" in shell("experiment", "show", NAME)


def test_the_page_and_the_tables_say_nothing_in_numbers_before_the_first_request(shell: Shell, tmp_path: Path) -> None:
    shell("experiment", "start", NAME)
    printed = shell("experiment", "analyse", NAME, "--report", "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert re.findall(r"\bnan\b", printed + page) == []
    assert "before a request of each has finished" in page


def test_an_unknown_name_is_refused_by_its_nearest(shell: Shell) -> None:
    assert "did you mean 'bandit_vs_cascade'" in shell("experiment", "start", "bandit_vs_casade", code=2)


def test_the_analysis_ends_with_the_verdict(shell: Shell, tmp_path: Path) -> None:
    shell("experiment", "start", NAME)
    log_requests(tmp_path, 300)
    printed = shell("experiment", "analyse", NAME, "--json", "out.json")
    assert printed.strip().splitlines()[-1].startswith("keep running: bandit improves reward")
    body = json.loads((tmp_path / "out.json").read_text())
    assert [arm["requests"] for arm in body["arms"]] == [150, 150]
    metric = body["treatments"][0]["metrics"][0]
    assert metric["difference"]["low"] > 0
    assert metric["control_interval"][0] < metric["control"] < metric["control_interval"][1]
    assert metric["treatment_interval"][0] < metric["treatment"] < metric["treatment_interval"][1]


def test_the_page_says_what_was_compared_and_loads_nothing(shell: Shell, tmp_path: Path) -> None:
    shell("experiment", "start", NAME)
    log_requests(tmp_path, 300)
    shell("experiment", "analyse", NAME, "--report", "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "was compared with <strong>cascade</strong>" in page
    assert "<svg" in page
    assert re.search(r"Each arm by itself</h2>.*<td>quality</td><td>0\.[0-9]+ \(0\.[0-9]+ to 0\.[0-9]+\)</td>", page)
    assert "src=" not in page


def test_an_experiment_without_a_request_can_be_analysed(shell: Shell) -> None:
    shell("experiment", "start", NAME)
    assert "keep running" in shell("experiment", "analyse", NAME, "--report", "page.html")


def test_power_goes_by_the_log(shell: Shell, tmp_path: Path) -> None:
    log_requests(tmp_path, 200, experiment=None, arm=None, unit=None)
    printed = shell("experiment", "power", NAME, "--effect", "0.05", "--days", "9999", "--json", "out.json")
    assert "200 units" in printed
    needs = json.loads((tmp_path / "out.json").read_text())
    assert needs[0]["units, looking at will"] > needs[0]["units, one look at the end"] > 200


def test_power_counts_only_the_units_in_the_experiments_slots(shell: Shell, tmp_path: Path) -> None:
    log_requests(tmp_path, 200, experiment=None, arm=None, unit=None)

    def days() -> float:
        shell("experiment", "power", NAME, "--effect", "0.05", "--days", "9999", "--json", "out.json")
        return float(json.loads((tmp_path / "out.json").read_text())[0]["days of all traffic"])

    everything = days()
    file = tmp_path / "policies" / "experiments" / f"{NAME}.toml"
    file.write_text("slots = [0.5, 0.75]\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    # Both are printed with two digits.
    assert days() == pytest.approx(4 * everything, rel=0.1)


def test_power_by_user_goes_by_the_users_of_the_log(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "policies" / "experiments" / f"{NAME}.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('"request"', '"user"', 1), encoding="utf-8")
    log_requests(tmp_path, 200, experiment=None, arm=None, unit=None)
    assert "that names its user" in shell("experiment", "power", NAME, "--days", "9999", code=2)


def test_power_without_a_log_says_what_is_missing(shell: Shell) -> None:
    assert "too little" in shell("experiment", "power", NAME, code=2)
