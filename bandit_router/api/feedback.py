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
from bandit_router.api.state import account, running, services
from bandit_router.bootstrap import Services, new_id
from bandit_router.errors import BadRequest
from bandit_router.reward.feedback import SIGNS, edit_score, score_of, thumbs_score
from bandit_router.store.text import clean
from bandit_router.types import Feedback, FeedbackKind

log = logging.getLogger(__name__)

router = APIRouter()

KINDS: Final[tuple[FeedbackKind, ...]] = ("score", "label", "thumbs", "retry", "edit_distance", "copied")
"""What a client may send; reviews come in by another door."""
_LONGEST_ID: Final = 256
_LONGEST_COMMENT: Final = 10_000


@router.post("/v1/feedback")
async def give_feedback(request: Request) -> Response:
    """Append feedback on a decision.

    Sent twice with the same id it counts once, as it was sent first; sent after the feedback window it is kept and not
    learned from.
    """
    service = services(request)
    data = parse_object(await request.body(), allow_nan=True)
    given = read_feedback(data, id=new_id(), now=service.router.now())
    decision = (await account(request, given.decision_id)).decision
    window = timedelta(seconds=service.parts.settings.reward.feedback_window_s)
    late = given.received_at - decision.created_at > window
    given = replace(given, late=late)
    fresh = await service.stores.log.feedback(given)
    if fresh:
        running(request).metrics.feedback(given.kind)
    kept = given if fresh else await _kept(service, given)
    if late or not fresh:
        log.info("feedback %s on decision %s is %s", given.id, given.decision_id, "late" if fresh else "a duplicate")
    body = {
        "id": kept.id,
        "decision_id": kept.decision_id,
        "kind": kept.kind,
        "score": kept.score,
        "duplicate": not fresh,
        "late": kept.late,
    }
    return json_response(body)


def read_feedback(data: Mapping[str, Any], *, id: str, now: datetime) -> Feedback:
    """Return the feedback that a JSON object holds, with `id` when it has none; raise `Unprocessable`."""
    decision_id = read_text(data, "decision_id", longest=_LONGEST_ID)
    if not decision_id:
        raise Unprocessable(
            "decision_id is missing; send the value of the x-router-decision-id response header", param="decision_id"
        )
    label = read_text(data, "label", longest=_LONGEST_ID)
    try:
        kind, score = _said(data, label)
    except BadRequest as error:
        raise Unprocessable(str(error), param=error.param) from error
    return Feedback(
        id=read_text(data, "id", longest=_LONGEST_ID) or id,
        decision_id=decision_id.removeprefix(ID_PREFIX),
        kind=kind,
        score=score,
        received_at=now,
        label=label,
        comment=read_text(data, "comment", longest=_LONGEST_COMMENT),
    )


def _said(data: Mapping[str, Any], label: str | None) -> tuple[FeedbackKind, float]:
    """Return the one kind of feedback that is in a body, and the score it stands for; raise `BadRequest`."""
    sent = [kind for kind in KINDS if data.get(kind) is not None]
    if len(sent) > 1 and set(sent) != {"score", "label"}:
        raise BadRequest(f"send one kind of feedback at a time, not {' and '.join(sent)}", param=sent[1])
    if not sent:
        raise BadRequest(f"send one of {', '.join(KINDS)}", param="score")
    kind = sent[0]
    if kind == "thumbs":
        return kind, thumbs_score(read_text(data, kind, longest=_LONGEST_ID) or "")
    if kind == "edit_distance":
        return kind, edit_score(read_number(data, kind) or 0.0)
    if kind in SIGNS:
        if data[kind] is not True:
            raise BadRequest(f"{kind} can only be true; leave it out where it was not so", param=kind)
        return kind, SIGNS[kind]
    return kind, score_of(read_number(data, "score"), label)


async def _kept(service: Services, given: Feedback) -> Feedback:
    """Return what an id that is known was first sent with.

    Raise `Conflict` when that was for another decision: this feedback would be lost.
    """
    account = await to_thread.run_sync(service.stores.events.decision, given.decision_id)
    for known in account.feedback:
        if known.id == clean(given.id):
            return known
    raise Conflict(f"the feedback id {given.id!r} was used for another decision; send another id", param="id")


def read_number(data: Mapping[str, Any], name: str) -> float | None:
    """Return a number of a body, NaN included; None when it is not there; raise `Unprocessable`."""
    value = data.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unprocessable(f"{name} must be a number from 0 to 1, not {str(value)[:80]!r}", param=name)
    try:
        return float(value)
    except OverflowError as error:
        raise Unprocessable(f"{name} must be a number from 0 to 1, not {str(value)[:80]!r}", param=name) from error


def read_text(data: Mapping[str, Any], name: str, *, longest: int) -> str | None:
    """Return a text of a body; None when it is not there; raise `Unprocessable`."""
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value or len(value) > longest:
        raise Unprocessable(f"{name} must be a text of 1 to {longest} characters", param=name)
    return value
