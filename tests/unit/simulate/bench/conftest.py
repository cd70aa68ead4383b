"""Small worlds whose figures can be worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bandit_router.cli.app import build
from bandit_router.types import Context
from simulate.bench.judges import JudgeSpec, parse_judge
from simulate.bench.world import World

TOML = {
    "cheapest": 'kind = "static"\nmodel = "@cheapest"\n',
    "dearest": 'kind = "static"\nmodel = "@dearest"\n',
    "climber": 'kind = "fixed_cascade"\nthresholds = 0.5\n',
    "learner": 'kind = "vw_cb"\nmin_exploration = 0.1\n',
    "both": 'kind = "mixture"\n[[components]]\npolicy = "learner"\n[[components]]\npolicy = "climber"\n',
}


def make_world(
    scores: Sequence[Sequence[float]],
    costs: Sequence[Sequence[float]],
    *,
    judge: str = "noise:0",
    recorded: Sequence[Any] | None = None,
    categories: Sequence[str] = (),
) -> World:
    """Return a world of rows x models, m0 the cheapest; recorded verdicts are rows x models x judges."""
    n, k = np.shape(scores)
    spec: JudgeSpec = parse_judge(judge)
    verdicts = None if recorded is None else np.array(recorded, dtype=float)
    return World(
        models=tuple(f"m{model}" for model in range(k)),
        categories=tuple(categories) or ("c",) * n,
        contexts={row: make_context(row) for row in range(n)},
        scores=np.array(scores, dtype=float),
        costs=np.array(costs, dtype=float),
        expected=np.array(costs, dtype=float),
        prices=np.array([[1e-6, 2e-6 * 10**model] for model in range(k)]),
        tokens=np.ones((n, k, 2), dtype=np.int64),
        judge=spec,
        judges=("simulated",) if verdicts is None else tuple(f"j{j}" for j in range(verdicts.shape[2])),
        recorded=verdicts,
    )


def make_context(row: int) -> Context:
    vector = np.random.default_rng(row).normal(size=8).astype(np.float32)
    return Context(
        category="code",
        confidence=0.8,
        surface={"length": 0.3},
        embedding=vector / np.linalg.norm(vector),
        key=str(row),
    )


@pytest.fixture
def world() -> World:
    """Four rows, three models: m0 is right on two, m1 on three, m2 on all; each is ten times as dear."""
    scores = [[1, 1, 1], [0, 1, 1], [1, 0, 1], [0, 1, 1]]
    return make_world(scores, [[0.001, 0.01, 0.1]] * 4)


@pytest.fixture
def policies(tmp_path: Path) -> Callable[[str], str]:
    """Write every policy file into one folder; return the path of the one named."""
    folder = tmp_path / "policies"
    folder.mkdir()
    for name, text in TOML.items():
        (folder / f"{name}.toml").write_text(text)
    return lambda name: str(folder / f"{name}.toml")


@pytest.fixture
def table_file(tmp_path: Path) -> Path:
    """A table of 40 prompts in two categories, two models and two recorded judges, one of them always wrong."""
    path = tmp_path / "table.jsonl"
    path.write_text("\n".join(json.dumps(_row(number)) for number in range(40)))
    return path


def _row(number: int) -> dict[str, Any]:
    good = float(number % 2)
    return {
        "id": str(number),
        "category": "sums" if number % 4 < 2 else "words",
        "prompt": f"What is {number} plus {number}, and why?",
        "arms": {
            "tiny": {"score": good, "cost": 0.001, "judges": {"sharp": good, "blunt": 1 - good}},
            "huge": {"score": 1.0, "cost": 0.01, "judges": {"sharp": 1.0, "blunt": 0.0}},
        },
    }


@pytest.fixture
def command(tmp_path: Path, table_file: Path) -> Callable[..., dict[str, Any]]:
    """Run the command on the table with the arguments given; return what it wrote with --json."""

    def run(*arguments: str) -> dict[str, Any]:
        path = tmp_path / "out.json"
        build()(["simulate", str(table_file), *arguments, "--json", str(path)], standalone_mode=False)
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    return run
