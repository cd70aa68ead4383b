"""Logs the world's queries through a running service: fleet, judge and router over HTTP; it replays nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from bandit_router.replay.log import LogAt
from bandit_router.replay.record import Record
from bandit_router.settings import load_settings
from bandit_router.store.session import migrate
from simulate.bench.world import World
from simulate.demo.processes import free_port, running
from simulate.fleet.judge import JUDGE
from simulate.fleet.options import FleetOptions
from simulate.fleet.server import FleetServer
from simulate.outcomes import Table, read_table
from simulate.prices import price_list
from simulate.replaying.world import SPECS, VALUE_USD, make_world

AT_ONCE: Final = 8
_ASKED_AGAIN: Final = 3


def served_log(folder: Path, *, rows: int, seed: int) -> list[Record]:
    """Return the log of `live` over a world of its own draw, as a service wrote it into its database.

    The judge is right and costs nothing; nothing is learned, so that the policy is the one that is known.
    """
    world = make_world(rows, seed)
    table = _table(folder / "outcomes.jsonl", world, seed)
    with FleetServer(table, FleetOptions(judge_noise=0.0)) as fleet:
        port = free_port()
        config = _write(folder, table, fleet_url=fleet.url, port=port)
        database = load_settings(config).store.url
        migrate(database)
        url = f"http://127.0.0.1:{port}"
        with running(["serve", "-c", str(config)], log=folder / "serve.log", ready_url=f"{url}/readyz"):
            asyncio.run(_ask(url, table))
    return list(LogAt(place=database).records())


def _table(path: Path, world: World, seed: int) -> Table:
    with path.open("w", encoding="utf-8") as file:
        for row, category in enumerate(world.categories):
            arms = {
                model: {"score": float(world.scores[row, place]), "cost": float(world.costs[row, place])}
                for place, model in enumerate(world.models)
            }
            prompt = f"A question about {category}, number {row} of world {seed}."
            file.write(json.dumps({"id": str(row), "category": category, "prompt": prompt, "arms": arms}) + "\n")
    return read_table(path)


def _write(folder: Path, table: Table, *, fleet_url: str, port: int) -> Path:
    """Write router.toml and the policies of the world; return the path of the former."""
    policies = folder / "policies"
    policies.mkdir()
    for name, keys in SPECS.items():
        (policies / f"{name}.toml").write_text(_toml(keys), encoding="utf-8")
    head = (
        f'[server]\nport = {port}\nauth = "off"',
        f'[store]\nurl = "sqlite:///router.db"\n[reward]\nvalue_usd = {VALUE_USD}',
        "[cascade]\nmax_attempts = 3\n[learner]\nenabled = false\n[aside]\nprobe_usd_per_day = 0",
    )
    models = [
        f'[[models]]\nname = "{name}"\ntier = {tier}\n{_called(name, fleet_url, price)}'
        for tier, (name, price) in enumerate(price_list(table).items())
    ]
    judge = f'[[judges]]\nkind = "llm"\n{_called(JUDGE, fleet_url, (0.0, 0.0))}'
    config = folder / "router.toml"
    config.write_text("\n\n".join([*head, *models, judge]) + "\n", encoding="utf-8")
    return config


def _called(name: str, url: str, price: tuple[float, float]) -> str:
    prices = f"input_usd_per_million = {price[0] * 1e6:.9f}\noutput_usd_per_million = {price[1] * 1e6:.9f}"
    return f'target = "openai/{name}"\napi_base = "{url}"\n{prices}'


def _toml(keys: Mapping[str, object]) -> str:
    """Return a policy's keys as TOML; what JSON writes of a string, a number or a flag is TOML too."""
    plain = [f"{key} = {json.dumps(value)}" for key, value in keys.items() if key != "components"]
    parts = keys.get("components", ())
    assert isinstance(parts, list | tuple), "a list of tables"
    tables = ["[[components]]\n" + "\n".join(f"{key} = {json.dumps(part[key])}" for key in part) for part in parts]
    return "\n".join([*plain, *tables]) + "\n"


async def _ask(url: str, table: Table) -> None:
    """Ask every prompt once, a few at a time."""
    turn = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=httpx.Limits(max_connections=AT_ONCE)) as client:

        async def one(prompt: str) -> None:
            body = {"model": "auto", "messages": [{"role": "user", "content": prompt}]}
            async with turn:
                for _ in range(_ASKED_AGAIN):
                    answer = await client.post("/v1/chat/completions", json=body)
                    if answer.is_success:
                        return
                answer.raise_for_status()

        await asyncio.gather(*(one(row.prompt) for row in table.rows))
