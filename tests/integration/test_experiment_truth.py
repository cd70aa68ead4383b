"""The report of an experiment on the real service agrees with the recorded truth, which the service never sees."""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import fmean

import pytest

from simulate.demo import trial
from simulate.demo.command import trial_seen
from simulate.demo.processes import await_ready, end, spawn
from simulate.demo.traffic import Reply, drive, schedule
from tests.integration.worlds import fleet_and_config

POLICIES = ("fixed_cascade", "vw_cb")


def truth(replies: list[Reply], policy: str) -> tuple[float, float]:
    """Return the mean true score and cost of the answers that a policy served."""
    mine = [reply for reply in replies if trial.policy_of(reply.policy) == policy]
    return fmean(reply.score for reply in mine), fmean(reply.cost_usd for reply in mine)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_the_reports_saving_and_quality_hold_the_truth(tmp_path: Path) -> None:
    with fleet_and_config(tmp_path) as (table, config, port):
        log, url = tmp_path / "service.log", f"http://127.0.0.1:{port}"
        service = spawn(["serve", "-c", str(config)], log)
        try:
            await asyncio.to_thread(await_ready, service, f"{url}/readyz", log)
            trial.start(config, POLICIES, queries=300)
            await asyncio.to_thread(trial_seen, f"{url}/v1")
            calls = schedule(table.rows, ("auto",), queries=300, seed=3)
            replies = await drive(calls, f"{url}/v1", concurrency=6, seen=lambda _: None)
        finally:
            end(service)
    found = {each.metric: each for each in trial.report(config).analysis.treatments[0].metrics}
    (old, paid), (new, spent) = (truth(replies, policy) for policy in POLICIES)
    assert found["quality"].difference.low <= new - old <= found["quality"].difference.high
    assert found["quality"].control.value == pytest.approx(old, abs=0.1)
    assert found["cost_usd"].ratio.low <= spent / paid - 1 <= found["cost_usd"].ratio.high
    assert found["cost_usd"].control.value == pytest.approx(paid, rel=0.15)
