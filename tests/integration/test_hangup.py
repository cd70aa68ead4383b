"""A service that runs reads the models of router.toml again when it is sent SIGHUP."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from bandit_router.settings import load_settings
from bandit_router.store.session import migrate
from simulate.demo.processes import free_port, running

CONFIG = """
[server]
port = {port}
auth = "off"

[store]
url = "sqlite:///router.db"

[aside]
probe_usd_per_day = 0

[[models]]
name = "first"
target = "openai/gpt-4o-mini"
"""
WAIT_S = 30.0


def write_unseen(config: Path, text: str) -> None:
    """Change a file so that its length and times do not tell: the service looks at these by itself."""
    before = config.stat()
    assert len(text) == before.st_size
    with config.open("r+", encoding="utf-8") as file:
        file.write(text)
    os.utime(config, ns=(before.st_atime_ns, before.st_mtime_ns))


def offered(url: str) -> list[str]:
    return [each["id"] for each in httpx.get(f"{url}/v1/models").json()["data"]]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_running_service_takes_up_its_models_again_on_sighup(tmp_path: Path) -> None:
    port, config = free_port(), tmp_path / "router.toml"
    config.write_text(CONFIG.format(port=port))
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "live.toml").write_text('kind = "static"\nmodel = "@cheapest"\n')
    migrate(load_settings(config).store.url)
    url = f"http://127.0.0.1:{port}"
    with running(["serve", "-c", str(config)], log=tmp_path / "log", ready_url=f"{url}/readyz") as process:
        assert "first" in offered(url)
        write_unseen(config, CONFIG.format(port=port).replace('"first"', '"other"'))
        process.send_signal(signal.SIGHUP)
        until = time.monotonic() + WAIT_S
        while "other" not in offered(url) and time.monotonic() < until:
            time.sleep(0.1)
        assert "other" in offered(url)
        assert "first" not in offered(url)
        assert process.poll() is None
