"""A service killed in the middle of its work loses nothing that it answered, and learns nothing twice."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, select

from bandit_router.policy.load import build, load_specs
from bandit_router.protocols import LearningPolicy
from bandit_router.reward.feedback import combine
from bandit_router.reward.utility import reward
from bandit_router.settings import load_settings
from bandit_router.store.events import Events
from bandit_router.store.session import open_engine
from bandit_router.store.tables import decisions, journal, outcomes
from bandit_router.store.versions import Versions
from bandit_router.types import Action, State
from simulate.demo.processes import await_ready, end, spawn
from simulate.demo.traffic import Reply, drive, schedule
from simulate.outcomes import Table
from tests.factories import make_context
from tests.integration.worlds import fleet_and_config

QUERIES = 120
KILL_AFTER = 40


async def drive_and_kill(table: Table, port: int, service: subprocess.Popen[bytes], *, seed: int) -> list[Reply]:
    """Send traffic, and kill the service with requests in flight; return every reply."""
    count = itertools.count(1)

    def seen(reply: Reply) -> None:
        if reply.ok and next(count) == KILL_AFTER:
            service.send_signal(signal.SIGKILL)

    calls = schedule(table.rows, ("vw_cb", "fixed_cascade"), queries=QUERIES, seed=seed)
    return await drive(calls, f"http://127.0.0.1:{port}/v1", concurrency=6, seen=seen)


async def caught_up(engine: Engine, head: int) -> None:
    """Wait until the learner has published a version that covers the whole journal."""
    async with asyncio.timeout(30):
        while (version := Versions(engine).latest("vw_cb")) is None or version.cursor < head:
            await asyncio.sleep(0.05)


def ids(engine: Engine, column: object) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(select(column)).scalars())  # type: ignore[call-overload]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_killed_service_loses_no_answered_request_and_learns_each_event_once(
    tmp_path: Path, database_url: str
) -> None:
    with fleet_and_config(tmp_path, url=database_url) as (table, config, port):
        log, ready = tmp_path / "service.log", f"http://127.0.0.1:{port}/readyz"
        replies: list[Reply] = []
        for seed in range(2):
            service = spawn(["serve", "-c", str(config)], log)
            await asyncio.to_thread(await_ready, service, ready, log)
            replies += await drive_and_kill(table, port, service, seed=seed)
            service.wait()
        last = spawn(["serve", "-c", str(config)], log)
        await asyncio.to_thread(await_ready, last, ready, log)
        engine = open_engine(load_settings(config).store.url)
        head = Events(engine, combine=combine).head()
        await caught_up(engine, head)
        end(last)

    answered = {reply.decision_id for reply in replies if reply.ok}
    assert len(answered) >= 2 * KILL_AFTER
    assert answered <= ids(engine, decisions.c.id)
    assert answered <= ids(engine, outcomes.c.decision_id)

    version = Versions(engine).latest("vw_cb")
    assert version is not None
    with engine.connect() as connection:
        assert version.events == len(connection.execute(select(journal.c.seq)).all())
    assert served_pmfs(config, engine) == relearned_pmfs(config, engine)
    engine.dispose()


def served_pmfs(config: Path, engine: Engine) -> list[Sequence[float]]:
    """What the published version would do, over some contexts."""
    version = Versions(engine).latest("vw_cb")
    assert version is not None
    policy = build(load_specs(config.parent / "policies"), {"vw_cb": version}, reward=reward)["vw_cb"]
    return [policy.pmf(state, ACTIONS).probs for state in states()]


def relearned_pmfs(config: Path, engine: Engine) -> list[Sequence[float]]:
    """What a policy would do that learned the whole journal once, in one go, without any restart."""
    policy = build(load_specs(config.parent / "policies"), {}, reward=reward)["vw_cb"]
    assert isinstance(policy, LearningPolicy)
    policy.learn(Events(engine, combine=combine).read(0, limit=100_000))
    return [policy.pmf(state, ACTIONS).probs for state in states()]


ACTIONS = tuple(
    Action(model=name, tier=i, cost_usd=10.0 ** (i - 5)) for i, name in enumerate(("small", "medium", "large"))
)


def states() -> list[State]:
    return [State(context=make_context(n, dim=256), value_usd=0.01) for n in np.arange(20).tolist()]
