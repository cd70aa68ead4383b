"""A newcomer becomes known over HTTP though nobody sends a request any more: it is probed with those that are kept.

Its provider is down when it comes, which does not speak against it once it is up.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from bandit_router.bootstrap.stores import Stores
from bandit_router.registry.probation import LEAST
from bandit_router.settings import load_settings
from bandit_router.types import Decision
from simulate.demo.processes import running
from tests.integration.test_models_live import take_out
from tests.integration.worlds import fleet_and_config

NEWCOMER = "medium"
GOOD_AT = {"small": (0.05, 0.05, 0.05), "medium": (0.95, 0.95, 0.95), "large": (0.9, 0.9, 0.85)}
JUDGED = {"x-router-min-quality": "0.01"}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
ASKED = 45
WITH_TOOLS = 3
"""Every third request takes tools, which the newcomer does not."""
PATIENCE_S = 240.0
PROBING = "\n[probing]\nstored_hours = 24\nprobes = 20\n"


async def ask(service: httpx.AsyncClient, prompts: Sequence[str]) -> set[str]:
    """Send requests; return the ids of those without tools."""
    without = set()
    for number, prompt in enumerate(prompts):
        tools: dict[str, Any] = {} if number % WITH_TOOLS else {"tools": TOOLS}
        body = {"model": "index", "messages": [{"role": "user", "content": prompt}], "user": "somebody", **tools}
        answer = (await service.post("/v1/chat/completions", json=body, headers=JUDGED)).raise_for_status()
        without |= set() if tools else {answer.headers["x-router-decision-id"]}
    return without


async def joined(service: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Wait until a newcomer's probes are over; return its events, the newest first."""
    while True:
        events = (await service.get(f"/admin/models/{NEWCOMER}/events")).raise_for_status().json()["events"]
        if events and events[0]["state"] in ("active", "retired"):
            return list(events)
        await asyncio.sleep(0.2)


async def counted(service: httpx.AsyncClient, name: str, labels: str = "") -> float:
    """Return the sum of a counter over all labels that match."""
    text = (await service.get("/metrics")).text
    found = re.findall(rf"^bandit_router_{name}_total\{{.*{labels}.*\}} (\S+)$", text, flags=re.MULTILINE)
    return sum(map(float, found))


async def fails_at_first(service: httpx.AsyncClient, fleet_url: str, entry: dict[str, Any]) -> None:
    """Add the newcomer while its provider is down, and bring that up once a probe has failed."""
    async with httpx.AsyncClient(base_url=fleet_url.removesuffix("/v1")) as fleet:
        await fleet.post("/control", json={"model": NEWCOMER, "down": True})
        (await service.post("/admin/models", json=entry)).raise_for_status()
        while not await counted(service, "aside_runs", 'status="failed"'):
            await asyncio.sleep(0.2)
        await fleet.post("/control", json={"model": NEWCOMER, "down": False})


def probes_in(config: Path) -> list[Decision]:
    stores = Stores.open(load_settings(config))
    try:
        return [each.decision for each in stores.events.read(0, limit=1000, kind="probe")]
    finally:
        stores.log.close()
        stores.engine.dispose()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_newcomer_is_absorbed_from_requests_that_were_answered_before_it_came(
    tmp_path: Path, database_url: str
) -> None:
    with fleet_and_config(tmp_path, url=database_url, good_at=GOOD_AT, judge_auc=0.97) as (table, config, port):
        entry = take_out(config, NEWCOMER)
        config.write_text(config.read_text() + PROBING)
        log, url = tmp_path / "service.log", f"http://127.0.0.1:{port}"
        with running(["serve", "-c", str(config)], log=log, ready_url=f"{url}/readyz"):
            async with httpx.AsyncClient(base_url=url, timeout=60) as service, asyncio.timeout(PATIENCE_S):
                usable = await ask(service, [row.prompt for row in table.rows[:ASKED]])
                await fails_at_first(service, str(entry["api_base"]), {**entry, "tools": False})
                events = await joined(service)
                assert [event["state"] for event in events] == ["active", "probing", "candidate"]
                assert events[0]["numbers"]["probes"] >= LEAST
                assert await counted(service, "requests") == ASKED
                *_, last = probes = probes_in(config)
                parents = [probe.parent for probe in probes]
                assert len(set(parents)) == len(parents)
                assert set(parents) <= usable
                shown = (await service.get(f"/v1/decisions/{last.id}")).json()
                assert (shown["kind"], shown["parent"]) == ("probe", last.parent)
                assert [each["model"] for each in shown["attempts"]] == [NEWCOMER]
                assert shown["attempts"][0]["judgement"]["quality"] is not None
