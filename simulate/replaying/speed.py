"""How long it takes to replay a long Parquet log, and how much memory; the log is made here, of one-step decisions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bandit_router.replay.schema import arrow, schema

MODELS = ("small", "medium", "large")
GOOD = (0.6, 0.75, 0.9)
COST_USD = (0.0002, 0.001, 0.004)
PMF = (0.5, 0.3, 0.2)


def write_log(path: Path, rows: int, *, group: int = 100_000, tick: Callable[[int], object] = lambda _: None) -> None:
    """Write a log of an uneven draw among three models, all answers judged, with the probabilities of one target."""
    pa = arrow()
    whole = pa.schema([*schema(), pa.field("target_prob:dear", pa.float64())], metadata=schema().metadata)
    with pa.parquet.ParquetWriter(path, whole, compression="zstd") as writer:
        for first in range(0, rows, group):
            n = min(group, rows - first)
            writer.write_table(_table(pa, whole, first, n), row_group_size=group)
            tick(n)


def _table(pa: Any, whole: Any, first: int, n: int) -> Any:
    rng = np.random.default_rng(first)
    k = len(MODELS)
    chosen = rng.choice(k, n, p=PMF).astype(np.int32)
    cost = np.array(COST_USD)[chosen]
    quality = (rng.random(n) < np.array(GOOD)[chosen]).astype(float)
    columns = {
        **_decision(pa, first, n),
        "steps": _steps(pa, whole.field("steps").type, chosen, k),
        "attempts": _attempts(pa, whole.field("attempts").type, chosen, cost, quality),
        "served": np.zeros(n, np.int32),
        "status": ["ok"] * n,
        "latency_s": np.ones(n),
        "quality": quality,
        "cost_usd": cost,
        "feedback": _lists(pa, whole.field("feedback").type, np.zeros(n + 1, np.int32), []),
        "target_prob:dear": (chosen == k - 1).astype(float),
    }
    columns["finished_at"] = columns["created_at"]
    nulls = {field.name: pa.nulls(n, field.type) for field in whole if field.name not in columns}
    return pa.table([pa.array((columns | nulls)[field.name], type=field.type) for field in whole], schema=whole)


def _decision(pa: Any, first: int, n: int) -> dict[str, Any]:
    seconds = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) + np.arange(first, first + n)
    names = pa.array([f"{number:012x}" for number in range(first, first + n)])
    categories = pa.DictionaryArray.from_arrays(
        pa.array((np.arange(n) % 4).astype(np.int32)), pa.array(["chat", "code", "maths", "prose"])
    ).cast(pa.string())
    kind = schema().field("context").type
    empty = np.zeros(n + 1, np.int32)
    surface = pa.MapArray.from_arrays(pa.array(empty), pa.array([], pa.string()), pa.array([], pa.float64()))
    embedding = pa.ListArray.from_arrays(pa.array(empty), pa.array([], pa.float32()))
    context = pa.StructArray.from_arrays(
        [categories, pa.array(np.ones(n)), surface, embedding, names], fields=list(kind)
    )
    return {
        "seq": np.arange(first + 1, first + n + 1),
        "id": names,
        "created_at": pa.array(seconds * 1_000_000).cast(pa.timestamp("us", tz="UTC")),
        "tenant": [""] * n,
        "session": pa.nulls(n, pa.string()),
        "policy": ["live"] * n,
        "version": ["0"] * n,
        "value_usd": np.full(n, 0.01),
        "value_s": pa.nulls(n, pa.float64()),
        "propensities": np.ones(n, dtype=bool),
        "context": context,
    }


def _steps(pa: Any, kind: Any, chosen: np.ndarray, k: int) -> Any:
    n, step = len(chosen), kind.value_type
    each = np.arange(n * k)
    every = pa.array((np.arange(n + 1) * k).astype(np.int32))
    none = pa.array(np.zeros(n + 1, np.int32))
    fields = list(step.field("actions").type.value_type)
    told = [
        pa.DictionaryArray.from_arrays(pa.array((each % k).astype(np.int32)), pa.array(MODELS)).cast(pa.string()),
        pa.array((each % k).astype(np.int32)),
        pa.array(np.array(COST_USD)[each % k]),
        pa.array(np.zeros(n * k, dtype=bool)),
    ]
    unknown = [pa.nulls(n * k, field.type) for field in fields[len(told) :]]
    action = pa.StructArray.from_arrays([*told, *unknown], fields=fields)
    nothing = pa.ListArray.from_arrays(none, pa.array([], pa.float64()))
    values = {
        "index": pa.array(np.zeros(n, np.int32)),
        "policy": pa.array(["live"] * n),
        "version": pa.array(["0"] * n),
        "actions": pa.ListArray.from_arrays(every, action),
        "pmf": pa.ListArray.from_arrays(every, pa.array(np.array(PMF)[each % k])),
        "predicted": nothing,
        "judge": nothing,
        "serve": pa.nulls(n, pa.int32()),
        "chosen": pa.array(chosen),
        "propensity": pa.array(np.array(PMF)[chosen]),
        "judged": pa.array(np.ones(n, dtype=bool)),
    }
    return _lists(pa, kind, np.arange(n + 1, dtype=np.int32), values)


def _attempts(pa: Any, kind: Any, chosen: np.ndarray, cost: np.ndarray, quality: np.ndarray) -> Any:
    n, verdicts = len(chosen), kind.value_type.field("judgements").type
    values = {
        "index": pa.array(np.zeros(n, np.int32)),
        "model": pa.DictionaryArray.from_arrays(pa.array(chosen), pa.array(MODELS)).cast(pa.string()),
        "tier": pa.array(chosen),
        "status": pa.array(["ok"] * n),
        "error": pa.nulls(n, pa.string()),
        "input_tokens": pa.array(np.ones(n, np.int64)),
        "output_tokens": pa.array(np.ones(n, np.int64)),
        "cost_usd": pa.array(cost),
        "latency_s": pa.array(np.ones(n)),
        "provider_model": pa.nulls(n, pa.string()),
        "system_fingerprint": pa.nulls(n, pa.string()),
        "judged": pa.array(np.ones(n, dtype=bool)),
        "quality": pa.array(quality),
        "judgements": _lists(pa, verdicts, np.zeros(n + 1, np.int32), []),
    }
    return _lists(pa, kind, np.arange(n + 1, dtype=np.int32), values)


def _lists(pa: Any, kind: Any, offsets: np.ndarray, values: Any) -> Any:
    if isinstance(values, dict):
        flat = pa.StructArray.from_arrays(list(values.values()), fields=list(kind.value_type))
    else:
        flat = pa.array(values, type=kind.value_type)
    return pa.ListArray.from_arrays(pa.array(offsets), flat).cast(kind)
