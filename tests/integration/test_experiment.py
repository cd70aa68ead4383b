"""An experiment on two replicas of one PostgreSQL, one of them killed in the middle: each unit keeps its arm."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from bandit_router.cli.experiment import conducting
from bandit_router.experiment.assign import arm_of
from bandit_router.experiment.spec import ArmSpec, ExperimentSpec
from bandit_router.settings import load_settings
from bandit_router.store.session import open_engine
from bandit_router.store.tables import decisions, journal
from bandit_router.store.versions import Versions
from simulate.demo.processes import await_ready, end, free_port, spawn
from tests.integration.worlds import fleet_and_config

SPEC = ExperimentSpec(
    name="trial",
    unit="session",
    arms=(ArmSpec(name="old", policy="fixed_cascade", control=True), ArmSpec(name="new", policy="vw_cb")),
)
SESSIONS = 30


async def ask(client: httpx.AsyncClient, url: str, number: int) -> tuple[str, str]:
    """Send one request of a session; return the session and the decision's id."""
    session = f"s{number % SESSIONS}"
    body = {"model": "auto", "messages": [{"role": "user", "content": f"Add {number} and {number * 7}."}]}
    headers = {"x-router-session": session}
    answer = (await client.post(f"{url}/v1/chat/completions", json=body, headers=headers)).raise_for_status()
    return session, answer.headers["x-router-decision-id"]


async def ask_all(urls: list[str], numbers: range) -> list[tuple[str, str]]:
    """Send requests to the replicas in turn, so that each session meets all of them."""
    async with httpx.AsyncClient(timeout=60) as client:
        return await asyncio.gather(*(ask(client, urls[(n + n // SESSIONS) % len(urls)], n) for n in numbers))


async def until_taken_up(url: str) -> None:
    """Wait until a replica gives requests to the experiment."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as client, asyncio.timeout(30):
        while not any(m["id"] == "trial.new" for m in (await client.get("/v1/models")).json()["data"]):
            await asyncio.sleep(0.05)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_two_replicas_and_a_restart_move_no_unit_and_count_no_event_twice(
    tmp_path: Path, postgres_url: str
) -> None:
    with fleet_and_config(tmp_path, url=postgres_url) as (_, config, port):
        ports, log = (port, free_port()), tmp_path / "service.log"
        urls = [f"http://127.0.0.1:{each}" for each in ports]
        replicas = [spawn(["serve", "-c", str(config), "--port", str(each)], log) for each in ports]
        try:
            for replica, url in zip(replicas, urls, strict=True):
                await asyncio.to_thread(await_ready, replica, f"{url}/readyz", log)
            with conducting(load_settings(config)) as acting:
                acting.start(SPEC, by="test")
                for url in urls:
                    await until_taken_up(url)
                answered = await ask_all(urls, range(90))
                replicas[0].kill()
                replicas[0].wait()
                answered += await ask_all(urls[1:], range(90, 120))
                replicas[0] = spawn(["serve", "-c", str(config), "--port", str(ports[0])], log)
                await asyncio.to_thread(await_ready, replicas[0], f"{urls[0]}/readyz", log)
                answered += await ask_all(urls, range(120, 180))
                report = acting.analyse("trial")
                learned = await caught_up(config)
        finally:
            for replica in replicas:
                end(replica)

    found = logged(config)
    arms: dict[str, set[str]] = defaultdict(set)
    for session, decision in answered:
        arms[session].add(found[decision])
    assert len(answered) == 180
    assert arms == {session: {arm_of(SPEC, f"\x1f{session}").name} for session in arms}
    assert sum(report.analysis.requests) == 180
    assert sum(report.analysis.units) == SESSIONS
    assert learned == 180


async def caught_up(config: Path) -> int:
    """Wait until the arm's own version covers the whole journal; return how many events it has been told of."""
    engine = open_engine(load_settings(config).store.url)
    with engine.connect() as connection:
        head = max(connection.execute(select(journal.c.seq)).scalars())
    async with asyncio.timeout(60):
        while (version := Versions(engine).latest("trial.new")) is None or version.cursor < head:
            await asyncio.sleep(0.05)
    engine.dispose()
    return version.events


def logged(config: Path) -> dict[str, str]:
    """Return the arm of each decision."""
    engine = open_engine(load_settings(config).store.url)
    with engine.connect() as connection:
        rows = connection.execute(select(decisions.c.id, decisions.c.arm)).all()
    engine.dispose()
    return {row.id: row.arm for row in rows}
