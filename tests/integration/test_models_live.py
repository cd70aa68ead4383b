"""A model's life over HTTP: it joins, is probed and absorbed, gets worse, goes down and comes back, with no restart."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from bandit_router.registry.probation import LEAST
from simulate.demo.processes import await_ready, end, spawn
from simulate.outcomes import Row
from tests.integration.worlds import fleet_and_config

NEWCOMER = "medium"
GOOD_AT = {"small": (0.05, 0.05, 0.05), "medium": (0.8, 0.8, 0.75), "large": (0.9, 0.9, 0.85)}
"""The small one is hardly worth its little price, and the large one as dear as it is good."""
JUDGED = {"x-router-min-quality": "0.01"}
"""Where a least quality is asked for, every answer is judged."""
SIDE_BY_SIDE = 4
FEEDBACK_EVERY = 5
BREAKER = "\n[breaker]\nfailures = 3\nopen_s = 0.5\nmax_open_s = 0.5\n"


@dataclass(kw_only=True)
class Scene:
    """The running service and the fleet behind it; the table's questions are asked over and over."""

    service: httpx.AsyncClient
    fleet: httpx.AsyncClient
    rows: Iterator[Row]
    entry: dict[str, Any]
    log: Path
    answers_as: dict[str, str] = field(default_factory=dict)
    """The model whose answers another gives."""
    asked: int = 0

    async def start(self) -> str:
        """Ask one question, which must be answered, and return the model that was called first."""
        row = next(self.rows)
        body = {"model": "index", "messages": [{"role": "user", "content": row.prompt}]}
        answer = (await self.service.post("/v1/chat/completions", json=body, headers=JUDGED)).raise_for_status()
        id, served = answer.headers["x-router-decision-id"], answer.headers["x-router-model"]
        self.asked += 1
        if self.asked % FEEDBACK_EVERY == 0:
            score = row.arms[self.answers_as.get(served, served)].score
            await self.service.post("/v1/feedback", json={"decision_id": id, "score": score})
        attempts = (await self.service.get(f"/v1/decisions/{id}")).json()["attempts"]
        return str(attempts[0]["model"])

    async def starts(self, n: int) -> Counter[str]:
        """Ask n questions and count what they started with."""
        found: Counter[str] = Counter()
        for _ in range(n // SIDE_BY_SIDE):
            found.update(await asyncio.gather(*(self.start() for _ in range(SIDE_BY_SIDE))))
        return found

    async def ask_until(self, model: str, true: Callable[[dict[str, Any]], bool], *, questions: int) -> None:
        """Ask until something is so of a model, as /admin/models has it."""
        for _ in range(0, questions, 20):
            models = (await self.service.get("/admin/models")).raise_for_status().json()["models"]
            if true(next(each for each in models if each["name"] == model)):
                return
            await self.starts(20)
        pytest.fail(f"not so after {questions} questions")

    async def share_until(self, model: str, true: Callable[[float], bool], *, questions: int) -> float:
        """Ask until something is so of the share of questions that start with a model; return it."""
        for _ in range(0, questions, 80):
            share = (await self.starts(80))[model] / 80
            if true(share):
                return share
        pytest.fail(f"not so after {questions} questions")

    async def listed(self) -> list[str]:
        """Return what a request may name."""
        return [each["id"] for each in (await self.service.get("/v1/models")).json()["data"]]

    async def metrics(self) -> str:
        """Return the service's metrics."""
        return (await self.service.get("/metrics")).text

    async def change(self, **condition: Any) -> None:
        """Change the condition of one of the fleet's models."""
        (await self.fleet.post("/control", json=condition)).raise_for_status()
        if "degrade_to" in condition:
            self.answers_as[condition["model"]] = condition["degrade_to"]


def take_out(config: Path, name: str) -> dict[str, Any]:
    """Take a model out of router.toml and return its entry, without its tier."""
    text = config.read_text()
    block = next(part for part in text.split("\n\n") if f'name = "{name}"' in part)
    config.write_text(text.replace(block, "") + BREAKER)
    pairs = (line.split(" = ", 1) for line in block.splitlines() if " = " in line)
    return {key: value.strip('"') if '"' in value else float(value) for key, value in pairs if key != "tier"}


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """Run the fleet, and the service without the newcomer."""
    with fleet_and_config(folder, good_at=GOOD_AT, judge_auc=0.97) as (table, config, port):
        entry, log, url = take_out(config, NEWCOMER), folder / "service.log", f"http://127.0.0.1:{port}"
        fleet_url = re.sub(r"/v1/?$", "", str(entry["api_base"]))
        process = spawn(["serve", "-c", str(config)], log)
        try:
            await asyncio.to_thread(await_ready, process, f"{url}/readyz", log)
            async with (
                httpx.AsyncClient(base_url=url, timeout=60) as service,
                httpx.AsyncClient(base_url=fleet_url) as fleet,
            ):
                yield Scene(service=service, fleet=fleet, rows=itertools.cycle(table.rows), entry=entry, log=log)
        finally:
            end(process)


async def joins(on: Scene) -> None:
    """It is added by an administrator, and takes no request yet; nothing is started anew."""
    await on.starts(60)
    added = (await on.service.post("/admin/models", json=on.entry)).raise_for_status().json()
    assert (added["state"], added["offered"], NEWCOMER in await on.listed()) == ("candidate", False, False)


async def is_probed(on: Scene) -> None:
    """It answers beside users' requests, serves none meanwhile, and is let in with the numbers of its probes."""
    await on.ask_until(NEWCOMER, lambda model: bool(model["state"] == "active"), questions=600)
    assert NEWCOMER in await on.listed()
    events = (await on.service.get(f"/admin/models/{NEWCOMER}/events")).json()["events"]
    assert [event["state"] for event in events] == ["active", "probing", "candidate"]
    assert events[0]["numbers"]["probes"] >= LEAST
    assert re.search(r'bandit_router_aside_runs_total\{kind="probe",status="ok"\} \d', await on.metrics())


async def is_absorbed(on: Scene) -> float:
    """It starts where it is the best choice, and becomes known; return its share of starts."""
    await on.share_until(NEWCOMER, lambda share: share > 0.2, questions=400)
    await on.ask_until(NEWCOMER, lambda model: model["expected_quality"] is not None, questions=2_000)
    return await on.share_until(NEWCOMER, lambda share: share > 0.2, questions=400)


async def gets_worse(on: Scene, share_before: float) -> None:
    """Its answers become those of the small one: an alarm is raised, and traffic leaves it."""
    await on.change(model=NEWCOMER, degrade_to="small")
    await on.ask_until(NEWCOMER, lambda model: bool(model["state"] == "degraded"), questions=1_000)
    assert "answers got worse" in on.log.read_text()
    await on.share_until(NEWCOMER, lambda share: share < share_before / 2, questions=2_000)


async def goes_down_and_comes_back(on: Scene) -> None:
    """The model most used does not answer: questions are answered all the same, and it is held back until it does."""
    ((favourite, _),) = (await on.starts(80)).most_common(1)
    await on.change(model=favourite, down=True)
    await on.ask_until(favourite, lambda model: bool(model["circuit"] != "closed"), questions=400)
    await on.change(model=favourite, down=False)
    await on.ask_until(favourite, lambda model: bool(model["circuit"] == "closed"), questions=400)
    await on.share_until(favourite, lambda share: share > 0, questions=400)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_model_joins_is_probed_is_absorbed_gets_worse_goes_down_and_comes_back(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        await joins(on)
        await is_probed(on)
        share = await is_absorbed(on)
        await gets_worse(on, share)
        await goes_down_and_comes_back(on)
