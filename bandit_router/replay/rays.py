"""Finds the Ray that work is spread over, or starts a local one for as long as it takes; it spreads nothing itself."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bandit_router.errors import ConfigError


@contextmanager
def running(jobs: int) -> Iterator[Any]:
    """Give the module `ray`, connected; raise `ConfigError` when Ray is not installed or does not answer.

    A Ray that this process runs already, or whose address is in the environment, is used and left running; otherwise
    one is started with `jobs` CPUs and stopped again.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise ConfigError("--engine ray: Ray is not installed; pip install 'bandit-router[ray]'") from error
    started = not ray.is_initialized()
    if started:
        start(ray, jobs)
    try:
        yield ray
    finally:
        if started:
            ray.shutdown()


def start(ray: Any, jobs: int) -> None:
    """Connect to the Ray that `RAY_ADDRESS` names, else start one; raise `ConfigError` where that does not answer."""
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    named = os.environ.get("RAY_ADDRESS")
    if not named:
        # One of its own: another process's local Ray, which would be found otherwise, ends with that process.
        ray.init(address="local", num_cpus=max(jobs, 1), include_dashboard=False, **quiet)
        return
    try:
        ray.init(address=named, **quiet)
    except ConnectionError as error:
        raise ConfigError(f"--engine ray: no Ray answers at RAY_ADDRESS={named}") from error
