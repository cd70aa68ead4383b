"""The command line: what a person types and reads, and exit code 2 with one line for bad input."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from bandit_router import __version__
from tests.unit.cli.shell import Shell


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return Shell(monkeypatch, capfd)


@pytest.fixture
def ready(shell: Shell) -> Shell:
    shell("init")
    shell("migrate")
    return shell


def test_the_version_is_printed(shell: Shell) -> None:
    assert shell("--version").strip() == __version__


def test_init_writes_a_configuration_that_works(shell: Shell) -> None:
    shell("init")
    shell("migrate")
    assert "openai/gpt-4.1-nano" in shell("models")


def test_init_overwrites_nothing_unless_told(shell: Shell) -> None:
    shell("init")
    assert "--force" in shell("init", code=2)
    shell("init", "--force")


def test_a_command_without_a_configuration_points_to_init(shell: Shell) -> None:
    error = shell("models", code=2)
    assert error.count("\n") == 1
    assert "bandit-router init" in error


def test_a_wrong_key_is_one_line_with_file_line_and_remedy(shell: Shell) -> None:
    shell("init")
    path = Path("router.toml")
    path.write_text(path.read_text().replace("deadline_s", "dedline_s"))
    error = shell("models", code=2)
    assert error.startswith("error: router.toml:")
    assert "did you mean 'deadline_s'?" in error


def test_a_model_without_a_price_is_named_with_the_line_to_add(shell: Shell) -> None:
    shell("init")
    path = Path("router.toml")
    path.write_text(path.read_text().replace("openai/gpt-4.1-nano", "openai/my-own-model"))
    assert "'small' has no price" in shell("models", code=2)


def test_the_table_of_models_fits_a_terminal_of_80_columns(ready: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = [line.split() for line in ready("models").splitlines()]
    assert ["tier", "model", "target", "$/M", "in", "$/M", "out", "context", "tools", "images"] in lines
    assert any("openai/gpt-4.1-nano" in line for line in lines)


def test_the_table_of_models_is_written_as_json(ready: Shell, tmp_path: Path) -> None:
    ready("models", "--json", "models.json")
    assert [row["model"] for row in json.loads((tmp_path / "models.json").read_text())] == ["small", "medium", "large"]


def test_policies_are_listed_with_kind_and_version(ready: Shell, tmp_path: Path) -> None:
    ready("policies", "--json", "policies.json")
    rows = {row["policy"]: row for row in json.loads((tmp_path / "policies.json").read_text())}
    assert (rows["vw_cb"]["kind"], rows["vw_cb"]["version"]) == ("vw_cb", 0)
    assert rows["live (default)"]["kind"] == "mixture"


def test_a_bad_policy_file_is_named(ready: Shell) -> None:
    path = Path("policies/vw_cb.toml")
    path.write_text(path.read_text().replace("learning_rate", "lerning_rate"))
    assert "did you mean 'learning_rate'?" in ready("policies", code=2)


def test_the_service_refuses_a_database_that_was_not_migrated(shell: Shell) -> None:
    shell("init")
    assert "bandit-router migrate" in shell("serve", code=2)


def test_a_service_off_loopback_refuses_to_run_without_keys(ready: Shell) -> None:
    assert "loopback" in ready("serve", "--host", "0.0.0.0", code=2)


def test_a_key_is_shown_once_and_then_only_by_name(ready: Shell) -> None:
    secret = ready("keys", "create", "alice").strip()
    listing = ready("keys", "list")
    assert "alice" in listing
    assert secret not in listing


def test_a_key_is_revoked_by_its_id(ready: Shell, tmp_path: Path) -> None:
    ready("keys", "create", "alice")
    ready("keys", "list", "--json", "keys.json")
    key = json.loads((tmp_path / "keys.json").read_text())[0]
    ready("keys", "revoke", key["id"])
    ready("keys", "list", "--json", "keys.json")
    assert json.loads((tmp_path / "keys.json").read_text())[0]["revoked"] is not None


def test_a_keys_dials_and_rank_are_changed_by_its_id(ready: Shell, tmp_path: Path) -> None:
    ready("keys", "create", "alice", "--value-usd", "0.5")
    ready("keys", "list", "--json", "keys.json")
    ready("keys", "update", json.loads((tmp_path / "keys.json").read_text())[0]["id"], "--admin", "--value-s", "30")
    ready("keys", "list", "--json", "keys.json")
    key = json.loads((tmp_path / "keys.json").read_text())[0]
    assert (key["admin"], key["value_usd"], key["value_s"]) == (True, 0.5, 30.0)


@pytest.mark.parametrize(
    "options", [[], ["--value-s", "0"], ["--value-usd", "nan"], ["--admin"]], ids=["nothing", "zero", "nan", "nobody"]
)
def test_an_update_of_a_key_that_makes_no_sense_is_bad_input(ready: Shell, options: list[str]) -> None:
    assert ready("keys", "update", "nobody", *options, code=2)


def test_revoking_a_key_that_is_not_there_is_bad_input(ready: Shell) -> None:
    assert ready("keys", "revoke", "nobody", code=2)


def test_an_unwritable_json_file_is_bad_input(ready: Shell) -> None:
    assert "cannot be written" in ready("models", "--json", "no/such/folder.json", code=2)


@pytest.mark.parametrize(
    ("file", "was", "becomes", "said"),
    [
        ("router.toml", 'default = "live"', 'default = "lve"', "did you mean 'live'?"),
        ("router.toml", "openai/gpt-4.1-nano", "openai/my-own-model", "'small' has no price"),
        ("router.toml", 'name = "small"', 'name = "vw_cb"', "both named 'vw_cb'"),
        ("router.toml", 'embedder = "wordllama"', 'embedder = "litellm"', "embedder_model"),
        ("router.toml", '# taxonomy = "taxonomy.toml"', 'taxonomy = "none.toml"', "none.toml"),
        ("policies/cheapest.toml", '"@cheapest"', '"smalll"', "did you mean 'small'?"),
    ],
)
def test_a_service_that_cannot_start_says_why_in_one_line(
    ready: Shell, file: str, was: str, becomes: str, said: str
) -> None:
    path = Path(file)
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, becomes))
    error = ready("serve", code=2)
    assert said in error
    assert "Traceback" not in error
    assert error.count("\n") == 1


def test_a_port_in_use_is_bad_input(ready: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "cannot listen" in ready("serve", "--port", str(taken.getsockname()[1]), code=2)
