"""Feedback sent over HTTP changes what the running service does, without a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulate.demo.processes import await_ready, end, spawn
from tests.integration.worlds import fleet_and_config

ASK = {"model": "vw_cb", "messages": [{"role": "user", "content": "Add 0 and 0."}]}


async def post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> httpx.Response:
    return (await client.post(path, json=body)).raise_for_status()


async def probabilities(client: httpx.AsyncClient) -> dict[str, float]:
    route = (await post(client, "/v1/route", ASK)).json()
    return {candidate["model"]: candidate["probability"] for candidate in route["candidates"]}


async def changed(client: httpx.AsyncClient, before: dict[str, float]) -> dict[str, float]:
    """Wait until the probabilities are no longer what they were."""
    while (now := await probabilities(client)) == before:
        await asyncio.sleep(0.1)
    return now


async def settled(client: httpx.AsyncClient) -> dict[str, float]:
    """Wait until the learner has nothing left to learn and the service has taken up what it learned."""
    before: dict[str, float] = {}
    while (now := await probabilities(client)) != before:
        before = now
        await asyncio.sleep(2.0)
    return now


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_feedback_changes_the_pmf_of_the_running_service(tmp_path: Path) -> None:
    with fleet_and_config(tmp_path) as (_, config, port):
        log, url = tmp_path / "service.log", f"http://127.0.0.1:{port}"
        service = spawn(["serve", "-c", str(config)], log)
        try:
            await asyncio.to_thread(await_ready, service, f"{url}/readyz", log)
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                answer = await post(client, "/v1/chat/completions", ASK)
                before = await settled(client)
                asked = answer.headers["x-router-decision-id"]
                decision = (await client.get(f"/v1/decisions/{asked}")).json()
                started = decision["attempts"][0]["model"]
                body = {"decision_id": asked, "score": 0.0}
                await post(client, "/v1/feedback", body)
                async with asyncio.timeout(5):
                    after = await changed(client, before)
        finally:
            end(service)
    assert after[started] < before[started]
