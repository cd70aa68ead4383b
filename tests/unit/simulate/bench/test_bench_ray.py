"""The grid on a local Ray of two workers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bandit_router.errors import ConfigError


def test_ray_gives_the_same_bytes(
    command: Callable[..., dict[str, Any]], policies: Callable[[str], str], tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="the ray extra is not installed")
    arguments = ("--policy", policies("learner"), "--policy", "random", "--seeds", "2")
    command(*arguments)
    alone = (tmp_path / "out.json").read_bytes()
    command(*arguments, "--engine", "ray", "--jobs", "2")
    assert (tmp_path / "out.json").read_bytes() == alone


def test_without_ray_the_remedy_is_named(
    command: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'bandit-router\[ray\]'"):
        command("--policy", "random", "--engine", "ray")
