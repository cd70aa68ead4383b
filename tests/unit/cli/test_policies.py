"""`bandit-router policies`: what serves, what was decided, and the way back, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bandit_router.bootstrap.ids import now
from bandit_router.store.promotions import Promotions
from bandit_router.store.session import open_engine
from bandit_router.store.versions import Versions, checksum
from bandit_router.types import Promotion, Version
from tests.unit.cli.shell import Shell


@pytest.fixture
def taught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    """A folder with a database in which two versions of vw_cb were learned, and both were promoted."""
    monkeypatch.chdir(tmp_path)
    shell = Shell(monkeypatch, capfd)
    shell("init")
    shell("migrate")
    engine = open_engine(f"sqlite:///{tmp_path / 'router.db'}")
    for number in (1, 2):
        version = Version(
            policy="vw_cb",
            number=number,
            artifact=b"state",
            checksum=checksum(b"state"),
            cursor=number,
            events=10 * number,
            spec_hash="spec",
            parent=None,
            created_at=now(),
        )
        Versions(engine).publish(version)
        Promotions(engine).note(
            Promotion(
                policy="vw_cb",
                number=number,
                kind="promoted",
                at=now(),
                by="gate",
                reason="no worse",
                over=number - 1 or None,
            )
        )
    engine.dispose()
    return shell


def table(shell: Shell, tmp_path: Path, *arguments: str) -> list[dict[str, Any]]:
    shell("policies", *arguments, "--json", "table.json")
    found: list[dict[str, Any]] = json.loads((tmp_path / "table.json").read_text())
    return found


def test_a_rollback_pins_what_served_before(taught: Shell, tmp_path: Path) -> None:
    assert "version 1 of vw_cb serves" in taught("policies", "rollback", "vw_cb")
    (row,) = [row for row in table(taught, tmp_path, "list") if row["policy"] == "vw_cb"]
    assert (row["version"], row["newest"], row["pinned"], row["events learned"]) == (1, 2, "yes", 10)


def test_a_release_ends_a_rollback(taught: Shell, tmp_path: Path) -> None:
    taught("policies", "rollback", "vw_cb", "--to", "1")
    assert "is released" in taught("policies", "release", "vw_cb")
    decided = [row["decision"] for row in table(taught, tmp_path, "gate", "vw_cb")]
    assert decided == ["released", "rolled_back", "promoted", "promoted"]


def test_the_versions_to_go_back_to_are_listed(taught: Shell, tmp_path: Path) -> None:
    rows = table(taught, tmp_path, "versions", "vw_cb")
    assert [(row["version"], row["serves"]) for row in rows] == [(2, "yes"), (1, None)]


def test_a_version_that_is_not_kept_is_bad_input(taught: Shell) -> None:
    assert "version 7" in taught("policies", "rollback", "vw_cb", "--to", "7", code=2)


def test_what_learned_nothing_is_bad_input(taught: Shell) -> None:
    assert "did you mean 'vw_cb'?" in taught("policies", "rollback", "vwcb", code=2)


def test_a_policy_that_learned_nothing_yet_has_no_decisions(taught: Shell, tmp_path: Path) -> None:
    assert table(taught, tmp_path, "gate", "index") == []
    assert table(taught, tmp_path, "gate", "pacer") == []


@pytest.mark.parametrize("command", ["gate", "versions"])
def test_a_name_that_no_policy_has_is_bad_input(taught: Shell, command: str) -> None:
    assert "no policy is named 'vw_cp'; did you mean 'vw_cb'" in taught("policies", command, "vw_cp", code=2)
