"""POST /v1/feedback: checks what a client says of an answer and hands it to the log; it learns nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from bandit_router.api.body import parse_object
from bandit_router.api.completion import ID_PREFIX
from bandit_router.api.errors import Conflict, Unprocessable
from bandit_router.api.reply import json_response
from bandit_router.api.state import services
from bandit_router.bootstrap import Services, new_id
from bandit_router.errors import BadRequest
from bandit_router.reward.feedback import score_of
from bandit_router.store.text import clean
from bandit_router.types import Feedback

log = logging.getLogger(__name__)

router = APIRouter()

_LONGEST_ID: Final = 256
_LONGEST_COMMENT: Final = 10_000


@router.post("/v1/feedback")
async def give_feedback(request: Request) -> Response:
    """Append feedback on a decision.

    Sent twice with the same id it counts once, as it was sent first; sent after the feedback window it is kept and not
    learned from.
    """
    parts = services(request)
    data = parse_object(await request.body(), allow_nan=True)
    given = read_feedback(data, id=new_id(), now=parts.router.now())
    account = await to_thread.run_sync(parts.events.decision, given.decision_id)
    window = timedelta(seconds=parts.settings.reward.feedback_window_s)
    late = given.received_at - account.decision.created_at > window
    given = replace(given, late=late)
    fresh = await parts.log.feedback(given)
    kept = given if fresh else await _kept(parts, given)
    if late or not fresh:
        log.info("feedback %s on decision %s is %s", given.id, given.decision_id, "late" if fresh else "a duplicate")
    body = {
        "id": kept.id,
        "decision_id": kept.decision_id,
        "score": kept.score,
        "duplicate": not fresh,
        "late": kept.late,
    }
    return json_response(body)


def read_feedback(data: Mapping[str, Any], *, id: str, now: datetime) -> Feedback:
    """Return the feedback that a JSON object holds, with `id` when it has none; raise `Unprocessable`."""
    decision_id = _text(data, "decision_id", longest=_LONGEST_ID)
    if not decision_id:
        raise Unprocessable(
            "decision_id is missing; send the value of the x-router-decision-id response header", param="decision_id"
        )
    label = _text(data, "label", longest=_LONGEST_ID)
    try:
        score = score_of(_score(data.get("score")), label)
    except BadRequest as error:
        raise Unprocessable(str(error), param=error.param) from error
    return Feedback(
        id=_text(data, "id", longest=_LONGEST_ID) or id,
        decision_id=decision_id.removeprefix(ID_PREFIX),
        score=score,
        received_at=now,
        label=label,
        comment=_text(data, "comment", longest=_LONGEST_COMMENT),
    )


async def _kept(parts: Services, given: Feedback) -> Feedback:
    """Return what an id that is known was first sent with.

    Raise `Conflict` when that was for another decision: this feedback would be lost.
    """
    account = await to_thread.run_sync(parts.events.decision, given.decision_id)
    for known in account.feedback:
        if known.id == clean(given.id):
            return known
    raise Conflict(f"the feedback id {given.id!r} was used for another decision; send another id", param="id")


def _score(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unprocessable(f"score must be a number from 0 to 1, not {str(value)[:80]!r}", param="score")
    # A whole number may be too large for a float; out of range it is all the same.
    return float(min(max(value, -1), 2)) if isinstance(value, int) else value


def _text(data: Mapping[str, Any], name: str, *, longest: int) -> str | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value or len(value) > longest:
        raise Unprocessable(f"{name} must be a text of 1 to {longest} characters", param=name)
    return value
