"""A small outcome table and a running service for integration tests, made of the demonstration's own parts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bandit_router.settings import load_settings
from bandit_router.store.session import migrate
from simulate.demo.folder import write_folder
from simulate.demo.processes import free_port
from simulate.fleet.options import FleetOptions
from simulate.fleet.server import FleetServer
from simulate.outcomes import Table, read_table

TOPICS = ("Add {n} and {m}.", "Write a poem about {n} cats.", "Translate the number {n} into French.")
GOOD_AT = {"small": (0.9, 0.2, 0.3), "medium": (0.9, 0.8, 0.4), "large": (0.95, 0.9, 0.9)}
COST_USD = {"small": 0.00002, "medium": 0.0004, "large": 0.004}


def make_table(
    folder: Path, *, rows: int = 300, good_at: Mapping[str, tuple[float, ...]] = GOOD_AT
) -> tuple[Table, Path]:
    """Write and read a table in which dearer models do better, each topic otherwise."""
    rng, path = random.Random(7), folder / "outcomes.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for n in range(rows):
            topic = n % len(TOPICS)
            arms = {
                model: {"score": float(rng.random() < good[topic]), "cost": COST_USD[model]}
                for model, good in good_at.items()
            }
            prompt = TOPICS[topic].format(n=n, m=n * 7)
            file.write(json.dumps({"id": str(n), "category": str(topic), "prompt": prompt, "arms": arms}) + "\n")
    return read_table(path), path


@contextmanager
def fleet_and_config(
    folder: Path,
    *,
    url: str | None = None,
    good_at: Mapping[str, tuple[float, ...]] = GOOD_AT,
    **options: float,
) -> Iterator[tuple[Table, Path, int]]:
    """Run a fleet and write a migrated configuration; give the table, router.toml and the service's port."""
    table, _ = make_table(folder, good_at=good_at)
    port = free_port()
    with FleetServer(table, FleetOptions(**options)) as fleet:
        config = write_folder(folder, table, fleet_url=fleet.url, port=port, value_usd=0.01)
        if url:
            config.write_text(config.read_text().replace("sqlite:///router.db", url))
        migrate(load_settings(config).store.url)
        yield table, config, port
