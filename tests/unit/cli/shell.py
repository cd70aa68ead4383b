"""Runs commands as a person would; it tests nothing."""

from __future__ import annotations

import sys

import pytest

from bandit_router.cli.app import main


class Shell:
    """Runs commands in a folder, as a person would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capfd = monkeypatch, capfd

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run a command, check its exit code, and return what it printed."""
        self._monkeypatch.setattr(sys, "argv", ["bandit-router", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = self._capfd.readouterr()
        assert (ended.value.code or 0) == code, captured.err
        return captured.err if code else captured.out
