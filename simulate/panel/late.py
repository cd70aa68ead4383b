"""Judges that hang, crawl or cost too much, and how long an answer takes all the same; it prints nothing."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx
import numpy as np

from simulate.fleet.judge import JUDGE, RECORDED
from simulate.outcomes import Table
from simulate.panel.service import ask, serving

DEADLINE_S: Final = 2.0
REQUESTS: Final = 20
"""So many for each seed."""
AT_ONCE: Final = 4
SHOWN: Final = 20
"""Of so many answers it is looked up what the judge said."""


def waits(table: Table, *, seeds: int) -> list[dict[str, Any]]:
    """Return the rows of the table: of each way to be late, how long answers took, in seconds, over seeds."""
    recorded = sorted(table.rows[0].arms[table.models[0]].judges)[0]
    quick: dict[str, Any] = {"kind": "llm", "name": "quick", "target": f"openai/{RECORDED}{recorded}"}
    slow: dict[str, Any] = {"kind": "llm", "name": "slow", "target": f"openai/{JUDGE}"}
    dear = slow | {"name": "dear", "max_cost_usd": 1e-9}
    ways: dict[str, tuple[dict[str, Any], dict[str, float]]] = {
        "is well": (slow, {}),
        "hangs": (slow, {"timeout_rate": 1.0}),
        "takes 30 s": (slow, {"latency_ms": 30_000.0}),
        "hangs now and then": (slow, {"timeout_rate": 0.3}),
        "is over its budget": (dear, {"latency_ms": 30_000.0}),
    }
    return [_way(table, name, [quick, judge], ill, seeds=seeds) for name, (judge, ill) in ways.items()]


def _way(table: Table, name: str, judges: list[dict[str, Any]], ill: dict[str, float], *, seeds: int) -> dict[str, Any]:
    found: list[tuple[float, httpx.Response]] = []
    with serving(table, judges, deadline_s=DEADLINE_S, ill={JUDGE: ill}) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda row: _timed(client, row.prompt), table.rows[:AT_ONCE]))  # a start is slow by itself
        for seed in range(seeds):
            rows = np.random.default_rng(seed).choice(len(table.rows), REQUESTS, replace=False)
            found += pool.map(lambda row: _timed(client, table.rows[row].prompt), rows)
        answered = [reply for _, reply in found if reply.is_success]
        said = Counter(_said(client, reply, judges[1]["name"]) for reply in answered[:: len(found) // SHOWN])
    took = np.array([seconds for seconds, _ in found])
    judged = sum("x-router-quality" in reply.headers for _, reply in found)
    return {
        "the second judge": name,
        "requests": len(found),
        "answered": len(answered),
        "judged": judged,
        "median s": round(float(np.median(took)), 3),
        "p99 s": round(float(np.quantile(took, 0.99)), 3),
        "greatest s": round(float(took.max()), 3),
        f"past {DEADLINE_S:g} s": int((took > DEADLINE_S).sum()),
        "its verdicts": ", ".join(f"{what} {count}" for what, count in said.items()),
    }


def _timed(client: httpx.Client, prompt: str) -> tuple[float, httpx.Response]:
    started = time.perf_counter()
    reply = ask(client, prompt, place=0)
    return time.perf_counter() - started, reply


def _said(client: httpx.Client, reply: httpx.Response, judge: str) -> str:
    id = reply.headers["x-router-decision-id"]
    account = client.get(f"/v1/decisions/{id}").raise_for_status().json()
    [verdict] = [each for each in account["attempts"][0]["judgement"]["verdicts"] if each["judge"] == judge]
    if verdict["error"]:
        return str(verdict["error"]).partition(":")[0]
    return str(verdict["skipped"] or "a score")
