"""The whole of a table through the running service, beside the same panel offline; it prints nothing."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx
import numpy as np
from rich.progress import track

from bandit_router.context.build import Builder, load_builder
from bandit_router.judge.fit import Case
from bandit_router.judge.measure import Figures, measure
from bandit_router.settings import ContextSettings
from bandit_router.types import ChatRequest
from simulate.fleet.judge import RECORDED
from simulate.outcomes import Row, Table
from simulate.panel.recorded import Truth, better, cases, halves, split
from simulate.panel.service import ask, serving

SETTLED_S: Final = 3.0
"""A version that has not changed for so long, with nothing left to learn, is the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Figures on the prompts held out, of the service, and offline with the categories of the service and the table."""

    service: Figures
    offline: Figures
    offline_recorded: Figures
    better: float


def compare(table: Table, truth: Truth, *, seed: int) -> Compared:
    """Teach the service on half of the prompts by feedback and measure it on the other half."""
    taught, held = halves(table, seed=seed)
    judges = sorted(truth.others(table.rows[0].arms[table.models[0]]))
    panel = [{"kind": "llm", "name": judge, "target": f"openai/{RECORDED}{judge}"} for judge in judges]
    with serving(table, panel) as client:
        for row in track(taught, "prompts taught"):
            _teach(client, row, table, truth)
        _settle(client)
        said = [_qualities(client, row, table) for row in track(held, "prompts held out")]
    truths = np.array([truth.of(row.arms[model]) for row in held for model in table.models])
    builder = asyncio.run(load_builder(ContextSettings()))
    learned, rest = cases(taught, truth), cases(held, truth)
    own = split(_placed(learned, taught, builder), _placed(rest, held, builder), share=1.0, seed=seed)
    return Compared(
        service=measure(np.array(said).ravel(), truths),
        offline=own.panel,
        offline_recorded=split(learned, rest, share=1.0, seed=seed).panel,
        better=better(rest),
    )


def lines(found: Compared) -> list[dict[str, Any]]:
    """Return the rows of the table."""
    named = {
        "service, over HTTP": found.service,
        "offline, the service's categories": found.offline,
        "offline, the table's categories": found.offline_recorded,
    }
    return [
        {"panel": name, "answers": each.n}
        | {key: round(getattr(each, key) or 0.0, 4) for key in ("auc", "ece", "brier")}
        | {"better judge": round(found.better, 4)}
        for name, each in named.items()
    ]


def _teach(client: httpx.Client, row: Row, table: Table, truth: Truth) -> None:
    for place, model in enumerate(table.models):
        id = ask(client, row.prompt, place=place).raise_for_status().headers["x-router-decision-id"]
        score = truth.of(row.arms[model])
        client.post("/v1/feedback", json={"decision_id": id, "score": score}).raise_for_status()


def _qualities(client: httpx.Client, row: Row, table: Table) -> list[float]:
    return [
        float(ask(client, row.prompt, place=place).raise_for_status().headers["x-router-quality"])
        for place in range(len(table.models))
    ]


def _settle(client: httpx.Client) -> None:
    """Wait until the panel has learned all that was said and its newest version is served."""
    version, since = -1.0, time.monotonic()
    while time.monotonic() - since < SETTLED_S:
        text = client.get("/metrics").raise_for_status().text
        now = _metric(text, "policy_version")
        if now != version or _metric(text, "learner_lag_events") > 0:
            version, since = now, time.monotonic()
        time.sleep(0.2)


def _metric(text: str, name: str) -> float:
    found = re.search(rf'^bandit_router_{name}\{{policy="panel"\}} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _placed(found: Sequence[Case], rows: Sequence[Row], builder: Builder) -> list[Case]:
    """Return the cases with the categories that the service gives their prompts."""
    named = [name for row in rows for name in [_category(row, builder)] * len(row.arms)]
    return [replace(case, category=name) for case, name in zip(found, named, strict=True)]


def _category(row: Row, builder: Builder) -> str:
    return asyncio.run(builder.build(ChatRequest(messages=({"role": "user", "content": row.prompt},)))).category
