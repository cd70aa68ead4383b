"""Starts, awaits and ends the processes of a demonstration; it does not know what they do."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bandit_router.errors import ConfigError

START_S = 120.0
STOP_S = 20.0


def free_port() -> int:
    """Return a port that is free on the loopback address right now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def spawn(arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start `bandit-router` with arguments, its output going to a file."""
    with log.open("ab") as output:
        command = [sys.executable, "-m", "bandit_router", *arguments]
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)


def await_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until a URL answers 200; raise `ConfigError` with the end of the log when the process ends before that."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=1.0):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    tail = " ".join(log.read_text(errors="replace").strip().splitlines()[-3:]) if log.exists() else ""
    raise ConfigError(f"the process did not become ready: {tail}", path=str(log))


@contextmanager
def running(arguments: Sequence[str], *, log: Path, ready_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `bandit-router` with arguments for the length of a block."""
    process = spawn(arguments, log)
    try:
        await_ready(process, ready_url, log)
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and make it when it does not."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
