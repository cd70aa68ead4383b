"""Runs the service of a table whose recorded judges grade, over HTTP, in a folder of its own; it measures nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from bandit_router.settings import load_settings
from bandit_router.store.session import migrate
from simulate.demo.processes import free_port, running
from simulate.fleet.options import FleetOptions
from simulate.fleet.server import FleetServer
from simulate.outcomes import Table

PRICE: Final = {"input_usd_per_million": 1.0, "output_usd_per_million": 1.0}
WAIT_S: Final = 60.0


@contextmanager
def serving(
    table: Table,
    judges: Sequence[Mapping[str, Any]],
    *,
    deadline_s: float = 120.0,
    ill: Mapping[str, Mapping[str, float]] | None = None,
) -> Iterator[httpx.Client]:
    """Serve a table's models, each by a policy `only-N` that judges every answer; give a client of the service.

    `ill` names models of the fleet, judges among them, with how they fare.
    """
    with TemporaryDirectory() as home, FleetServer(table, FleetOptions()) as fleet:
        for name, condition in (ill or {}).items():
            httpx.post(fleet.url.replace("/v1", "/control"), json={"model": name, **condition}).raise_for_status()
        folder, port = Path(home), free_port()
        reached = PRICE | {"api_base": fleet.url}
        head = [
            f'[server]\nport = {port}\nauth = "off"',
            '[store]\nurl = "sqlite:///router.db"',
            f"[cascade]\ndeadline_s = {deadline_s}",
            '[learner]\ninterval_s = 0.5\n[policies]\ndefault = "only-0"',
        ]
        models = [reached | {"name": name, "target": f"openai/{name}", "tier": 0} for name in table.models]
        panel = [{**reached, **judge} for judge in judges]
        tables = [_table("models", entry) for entry in models] + [_table("judges", entry) for entry in panel]
        config = folder / "router.toml"
        config.write_text("\n\n".join([*head, *tables]) + "\n", encoding="utf-8")
        _write_policies(folder / "policies", table.models)
        migrate(load_settings(config).store.url)
        url = f"http://127.0.0.1:{port}"
        with (
            running(["serve", "-c", str(config)], log=folder / "log", ready_url=f"{url}/readyz"),
            httpx.Client(base_url=url, timeout=WAIT_S) as client,
        ):
            yield client


def ask(client: httpx.Client, prompt: str, *, place: int) -> httpx.Response:
    """Ask the model at a place of the table."""
    body = {"model": f"only-{place}", "messages": [{"role": "user", "content": prompt}]}
    return client.post("/v1/chat/completions", json=body)


def _write_policies(folder: Path, models: Sequence[str]) -> None:
    folder.mkdir()
    for place, model in enumerate(models):
        spec = f'kind = "static"\nmodel = {json.dumps(model)}\nmin_judging = 1.0\n'
        (folder / f"only-{place}.toml").write_text(spec, encoding="utf-8")


def _table(name: str, entry: Mapping[str, Any]) -> str:
    # A JSON string or number is a TOML one too.
    return "\n".join([f"[[{name}]]", *(f"{key} = {json.dumps(value)}" for key, value in entry.items())])
