"""What README.md tells a new user to type works as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulate.demo.processes import await_ready, end, free_port
from simulate.fleet.options import FleetOptions
from simulate.fleet.server import FleetServer
from simulate.outcomes import read_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODELS = ("gpt-4.1-nano", "gpt-4.1-mini", "gpt-4.1")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def block(language: str, word: str) -> str:
    return next(text for text in blocks(language) if word in text)


@pytest.fixture
def openai_url(tmp_path: Path) -> Iterator[str]:
    """Stands in for OpenAI: a fleet whose models have the names that the shipped router.toml uses."""
    arms = {model: {"score": 0.9, "cost": 0.0001} for model in MODELS}
    path = tmp_path / "outcomes.jsonl"
    path.write_text(json.dumps({"prompt": "What is the capital of France?", "arms": arms}) + "\n")
    with FleetServer(read_table(path), FleetOptions()) as fleet:
        yield fleet.url


@pytest.fixture
def environment(openai_url: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OPENAI_BASE_URL": openai_url, "OPENAI_API_BASE": openai_url}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_new_user_gets_from_init_to_an_answer_and_its_reason(tmp_path: Path, environment: dict[str, str]) -> None:
    port, log = free_port(), tmp_path / "serve.log"
    *setup, serve = block("bash", "bandit-router init").strip().splitlines()
    script = "\n".join(["set -e", *setup, f"exec {serve} --port {port}"])
    with log.open("wb") as output:
        service = subprocess.Popen(
            ["bash", "-c", script], cwd=tmp_path, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        await_ready(service, f"http://127.0.0.1:{port}/readyz", log)
        client = "".join(blocks("python")).replace(":8080", f":{port}")
        ran = subprocess.run(
            [sys.executable, "-c", client], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
    finally:
        end(service)
    assert ran.returncode == 0, ran.stderr
    answer, headers, summary = ran.stdout.strip().splitlines()
    assert answer
    assert headers.split()[0] in ("small", "medium", "large")
    assert summary


def test_the_simulation_it_shows_runs_and_writes_its_page(tmp_path: Path, environment: dict[str, str]) -> None:
    command = block("bash", "bandit-router simulate")
    script = f"set -e\nbandit-router init my-router\n{command.strip()} --rows 200"
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert "best_fixed_cascade" in ran.stdout
    assert "<svg" in (tmp_path / "simulation.html").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_demo_ends_with_the_table_that_the_readme_shows() -> None:
    assert block("bash", "make demo").strip() == "make demo"
    environment = {**os.environ, "ARGS": "--queries 40", "COLUMNS": "120"}
    ran = subprocess.run(
        ["make", "demo"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    shown = [line.split()[:2] for line in block("text", "always cheapest").splitlines() if line.strip()]
    printed = [line.split()[:2] for line in ran.stdout.splitlines() if line.strip()]
    assert all(words in printed for words in shown if words[0] == "always")
    assert all(any(line[0] == name for line in printed) for name in ("policy", "fixed_cascade", "vw_cb"))
    assert any(line[0] == "verdict:" for line in printed)


def test_every_make_target_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^make (\w+)$", README, flags=re.MULTILINE)) | {
        "demo",
        "test",
        "check",
        "bench",
        "docs",
        "lock",
    }
    assert named <= set(re.findall(r"^(\w+):", makefile, flags=re.MULTILINE))


def test_every_page_the_readme_points_to_exists() -> None:
    pages = re.findall(r"\]\(([^)]+)\)", README)
    assert pages
    assert [page for page in pages if not (ROOT / page).exists()] == []


def test_every_place_the_file_tree_names_exists() -> None:
    tree = block("text", "pyproject.toml")
    package = re.findall(r"(?:^  | {2,})([a-z]+(?:\.py|/))(?=\s)", tree, flags=re.MULTILINE)
    homes = (ROOT / "bandit_router", ROOT / "simulate")
    assert [name for name in package if not any((home / name).exists() for home in homes)] == []
    top = re.findall(r"^([\w.]+(?:/)?)(?=\s)", tree, flags=re.MULTILINE)
    assert [name for name in top if not (ROOT / name).exists()] == []
