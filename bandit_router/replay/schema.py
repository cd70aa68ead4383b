"""The columns of an exported log, by version; the only importer of Arrow besides the files that read and write it."""

from __future__ import annotations

from typing import Any, Final

from bandit_router.errors import MissingExtra

VERSION: Final = 1
KEY: Final = "bandit_router.schema"
"""The metadata key, of a Parquet file, and the member, of a JSON line, that holds the version."""


def arrow() -> Any:
    """Return pyarrow with its Parquet part; raise `MissingExtra`."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise MissingExtra(
            "Parquet needs pyarrow; install it with `pip install 'bandit-router[evaluate]'`, or take JSONL"
        ) from None
    return pyarrow


def schema() -> Any:
    """Return the Arrow schema of one row a decision."""
    pa = arrow()
    text, number, integer, flag = pa.string(), pa.float64(), pa.int32(), pa.bool_()
    moment = pa.timestamp("us", tz="UTC")
    judgement = pa.struct(
        {"judge": text, "score": number, "reason": text, "error": text, "cost_usd": number, "latency_s": number}
        | {"skipped": text, "grader": text, "prompt": text, "own_family": flag, "preferred": pa.list_(integer)}
    )
    action = pa.struct(
        {"model": text, "tier": integer, "cost_usd": number, "fuses": flag}
        | {"family": text, "line": text, "size_b": number, "benchmarks": pa.map_(text, number)}
    )
    columns = {
        "seq": pa.int64(),
        "id": text,
        "created_at": moment,
        "tenant": text,
        "session": text,
        "policy": text,
        "version": text,
        "value_usd": number,
        "value_s": number,
        "experiment": text,
        "arm": text,
        "unit": text,
        "propensities": flag,
        "context": pa.struct(
            {
                "category": text,
                "confidence": number,
                "surface": pa.map_(text, number),
                "embedding": pa.list_(pa.float32()),
                "key": text,
            }
        ),
        "steps": pa.list_(
            pa.struct(
                {
                    "index": integer,
                    "policy": text,
                    "version": text,
                    "actions": pa.list_(action),
                    "pmf": pa.list_(number),
                    "predicted": pa.list_(number),
                    "judge": pa.list_(number),
                    "serve": integer,
                    "chosen": integer,
                    "propensity": number,
                    "judged": flag,
                }
            )
        ),
        "attempts": pa.list_(
            pa.struct(
                {
                    "index": integer,
                    "model": text,
                    "tier": integer,
                    "status": text,
                    "error": text,
                    "input_tokens": pa.int64(),
                    "output_tokens": pa.int64(),
                    "cost_usd": number,
                    "latency_s": number,
                    "provider_model": text,
                    "system_fingerprint": text,
                    "judged": flag,
                    "quality": number,
                    "judgements": pa.list_(judgement),
                }
            )
        ),
        "served": integer,
        "status": text,
        "finished_at": moment,
        "latency_s": number,
        "quality": number,
        "cost_usd": number,
        "feedback": pa.list_(
            pa.struct(
                {
                    "seq": pa.int64(),
                    "id": text,
                    "score": number,
                    "label": text,
                    "comment": text,
                    "received_at": moment,
                    "kind": text,
                    "late": flag,
                }
            )
        ),
    }
    return pa.schema(list(columns.items()), metadata={KEY: str(VERSION)})
