"""Simulations give the same bytes whether they run here or on a Ray of two workers."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.integration.worlds import make_table

POLICIES = Path(__file__).parents[2] / "policies"


def simulate(table: Path, out: Path, *engine: str) -> bytes:
    specs = [word for name in ("fixed_cascade", "vw_cb") for word in ("--policy", str(POLICIES / f"{name}.toml"))]
    options = ["--value-usd", "0.01", "--judge", "auc:0.85", "--seeds", "2", "--json", str(out), *engine]
    command = [sys.executable, "-m", "bandit_router", "simulate", str(table), *specs, *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert ran.returncode == 0, ran.stderr
    return out.read_bytes()


@pytest.mark.skipif(find_spec("ray") is None, reason="the ray extra is not installed")
def test_ray_gives_the_same_bytes_as_this_machine(tmp_path: Path) -> None:
    _, table = make_table(tmp_path, rows=60)
    here = simulate(table, tmp_path / "here.json")
    assert simulate(table, tmp_path / "ray.json", "--engine", "ray", "--jobs", "2") == here
