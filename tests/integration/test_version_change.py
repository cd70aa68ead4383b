"""A provider that silently answers with another version of a model is noticed over HTTP; nobody need look for it."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from bandit_router.bootstrap.learning import make_learner
from bandit_router.bootstrap.stores import Stores
from bandit_router.learner import teach
from bandit_router.policy.load import load_specs
from bandit_router.registry.identity import STEADY
from bandit_router.registry.lifecycle import VERSION
from bandit_router.settings import Settings, load_settings
from bandit_router.store.lessons import Lessons
from bandit_router.trials import Trials
from bandit_router.types import Event
from simulate.demo.processes import await_ready, end, spawn
from simulate.outcomes import Row
from tests.integration.worlds import fleet_and_config

TRY_ALL = {"x-router-min-quality": "0.999"}
"""No answer is good enough, so every model is called and judged."""
MODEL, POLICY = "large", "index"
BEFORE, AFTER = f"{MODEL} fp_fleet", "large-2026-11 fp_2"
KNOWN = 8
"""Requests before the change."""
PATIENCE_S = 180.0
"""After which what does not come is not waited for any more."""


@contextmanager
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Run an operator's receiver; give its address and what it was told."""
    told: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", told
        finally:
            server.shutdown()
            thread.join()


@dataclass(kw_only=True)
class Scene:
    """The running service, the fleet behind it, and what an operator sees."""

    service: httpx.AsyncClient
    fleet: httpx.AsyncClient
    rows: Iterator[Row]
    settings: Settings
    log: Path
    told: list[dict[str, Any]]

    async def ask(self, target: str, times: int = 1, headers: dict[str, str] | None = None) -> None:
        """Send questions one after the other."""
        for row in itertools.islice(self.rows, times):
            body = {"model": target, "messages": [{"role": "user", "content": row.prompt}]}
            (await self.service.post("/v1/chat/completions", json=body, headers=headers)).raise_for_status()

    async def changes(self) -> list[dict[str, Any]]:
        """Return the events that say that the model is another version."""
        events = (await self.service.get(f"/admin/models/{MODEL}/events")).raise_for_status().json()["events"]
        return [event for event in events if event["reason"] == VERSION]

    async def metric(self, name: str) -> float:
        """Return the value of a metric, 0 before there is one."""
        found = re.search(rf"^bandit_router_{re.escape(name)} (\S+)$", (await self.service.get("/metrics")).text, re.M)
        return float(found[1]) if found else 0.0


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    with webhook() as (address, told), fleet_and_config(folder) as (table, config, port):
        config.write_text(config.read_text() + f'\n[drift]\nwebhook = "{address}"\n')
        settings, log, url = load_settings(config), folder / "service.log", f"http://127.0.0.1:{port}"
        process = spawn(["serve", "-c", str(config)], log)
        try:
            await asyncio.to_thread(await_ready, process, f"{url}/readyz", log)
            fleet_url = str(settings.models[0].api_base).removesuffix("/v1")
            async with (
                httpx.AsyncClient(base_url=url, timeout=60) as service,
                httpx.AsyncClient(base_url=fleet_url) as fleet,
            ):
                yield Scene(
                    service=service,
                    fleet=fleet,
                    rows=itertools.cycle(table.rows),
                    settings=settings,
                    log=log,
                    told=told,
                )
        finally:
            end(process)


async def becomes_another(on: Scene) -> dict[str, Any]:
    """The provider changes it without a word; that is entered after so many answers as documented, and no sooner."""
    await on.ask("auto", KNOWN, TRY_ALL)
    await on.fleet.post("/control", json={"model": MODEL, "says": "large-2026-11", "fingerprint": "fp_2"})
    await on.ask(MODEL, STEADY)
    while not (found := await on.changes()):
        await asyncio.sleep(0.1)
    (event,) = found
    # Its place in the journal, which holds one entry for each answer so far.
    assert event["numbers"]["seq"] == KNOWN + STEADY
    return event


async def the_operator_is_told(on: Scene, event: dict[str, Any]) -> None:
    """By the log, the metrics and the webhook, each once."""
    while not on.told:
        await asyncio.sleep(0.1)
    (posted,) = on.told
    assert (posted["model"], posted["reason"], posted["numbers"]) == (MODEL, VERSION, event["numbers"])
    assert len(re.findall(rf"model {MODEL}: {VERSION} and is active now", on.log.read_text())) == 1
    assert await on.metric(f'model_version_changes{{model="{MODEL}"}}') == 1.0


async def it_is_probed_again(on: Scene) -> dict[str, Any]:
    """It is tried beside users' requests, and goes on taking them meanwhile; return a probe."""
    while not await on.metric('aside_runs_total{kind="probe",status="ok"}'):
        await on.ask("auto", 4)
    stores = Stores.open(on.settings)
    try:
        probe = stores.events.read(0, limit=1, kind="probe")[0].decision
    finally:
        stores.log.close()
        stores.engine.dispose()
    assert MODEL in [each["id"] for each in (await on.service.get("/v1/models")).json()["data"]]
    return dict((await on.service.get(f"/v1/decisions/{probe.id}")).raise_for_status().json())


def what_was_learned_counts_less(on: Scene) -> None:
    """The state published after the change is that of a policy that was told to forget, bit for bit."""
    stores = Stores.open(on.settings)
    try:
        version = stores.versions.latest(POLICY)
        assert version is not None
        learner = make_learner(on.settings, Trials(stores.experiments, load_specs(on.settings.policies.dir)), stores)
        lessons = [each for each in Lessons(stores.events).read(0, limit=10_000) if each.seq <= version.cursor]
    finally:
        stores.log.close()
        stores.engine.dispose()
    assert [each.model for each in lessons if each.kind == "changed"] == [MODEL]

    def taught(events: list[Event]) -> bytes:
        policy = learner.load(POLICY, None)
        teach(policy, events)
        return policy.dump()

    unchanged = [each for each in lessons if each.kind != "changed"]
    assert version.artifact == taught(lessons) != taught(unchanged)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_another_version_of_a_model_is_told_of_probed_again_and_forgotten(tmp_path: Path) -> None:
    async with scene(tmp_path) as on, asyncio.timeout(PATIENCE_S):
        event = await becomes_another(on)
        assert (event["numbers"]["was"], event["numbers"]["now"], event["state"]) == (BEFORE, AFTER, "active")
        await the_operator_is_told(on, event)
        probe = await it_is_probed_again(on)
        (attempt,) = probe["attempts"]
        assert (probe["kind"], attempt["model"], attempt["system_fingerprint"]) == ("probe", MODEL, "fp_2")
        what_was_learned_counts_less(on)
