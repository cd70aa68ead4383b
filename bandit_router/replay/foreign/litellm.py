"""Reads rows of LiteLLM's spend log (`LiteLLM_SpendLogs`); it knows no propensity, since LiteLLM logs none."""

from __future__ import annotations

from bandit_router.replay.foreign import fields
from bandit_router.replay.foreign.entry import Entry
from bandit_router.replay.foreign.fields import Object
from bandit_router.types import Action


def entry(raw: Object, number: int) -> Entry:
    """Return the entry of a row; raise ValueError saying what is wrong."""
    start, end = fields.moment(raw, "startTime"), fields.moment(raw, "endTime", "startTime")
    ok = raw.get("status", "success") in ("success", None, "")
    metadata = fields.inner(raw, "metadata")
    return Entry(
        id=fields.text(raw, "request_id", default=f"row-{number}"),
        at=start,
        actions=(Action(model=fields.text(raw, "model_group", "model"), tier=0),),
        chosen=0,
        messages=fields.messages(raw.get("messages")),
        status="ok" if ok else "error",
        error=None if ok else str(fields.inner(metadata, "error_information").get("error_class") or "failure"),
        cost_usd=fields.number(raw, "spend"),
        latency_s=max((end - start).total_seconds(), 0.0),
        tokens=(
            round(fields.number(raw, "prompt_tokens", default=0.0)),
            round(fields.number(raw, "completion_tokens", default=0.0)),
        ),
        score=fields.share(metadata, "score"),
        tenant=fields.text(raw, "team_id", "user", "end_user", default=""),
        session=raw.get("session_id") if isinstance(raw.get("session_id"), str) else None,
    )
