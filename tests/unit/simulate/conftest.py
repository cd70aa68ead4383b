"""Small outcome tables and a running fleet for the simulation's tests."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from simulate.fleet.options import FleetOptions
from simulate.fleet.server import FleetServer
from simulate.outcomes import Arm, Row, Table, read_table

SHARED_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


def make_table(rows: int = 40) -> Table:
    """Two models: the cheap one is right on every second prompt, the dear one on all; costs differ by row."""
    return Table(
        rows=tuple(
            Row(
                id=f"r{i}",
                category="arithmetic",
                prompt=f"What is {i} plus {i}, and why is that so?",
                arms={
                    "tiny": Arm(score=float(i % 2), cost_usd=1e-5 * (1 + i % 7)),
                    "huge": Arm(score=1.0, cost_usd=1e-3 * (1 + i % 5)),
                },
            )
            for i in range(rows)
        ),
        models=("tiny", "huge"),
    )


@pytest.fixture
def table() -> Table:
    return make_table()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write rows (objects, or lines as text) to a file, gzipped when its name says so."""

    def write_rows(*rows: Any, name: str = "table.jsonl") -> Path:
        text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write_rows


@pytest.fixture
def serve() -> Iterator[Callable[..., FleetServer]]:
    """Start a fleet on a free port; it is stopped when the test ends."""
    with ExitStack() as stack:

        def start(table: Table, **options: Any) -> FleetServer:
            return stack.enter_context(FleetServer(table, FleetOptions(**options)))

        yield start


@pytest.fixture
def shared_table() -> Callable[[str], Table]:
    """Read one of the recorded tables that lie beside the repository, or skip."""

    def read(name: str) -> Table:
        path = SHARED_DATA / name
        if not path.exists():
            pytest.skip(f"the recorded table {name} is not beside the repository")
        return read_table(path)

    return read
