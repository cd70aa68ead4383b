"""GET and POST /admin/review: administrators list, claim and grade the answers that wait for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Any, Final

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from bandit_router.api.body import parse_object
from bandit_router.api.completion import ID_PREFIX
from bandit_router.api.errors import Unprocessable
from bandit_router.api.explain import account_body
from bandit_router.api.feedback import read_number, read_text
from bandit_router.api.reply import json_response
from bandit_router.api.state import administrator, running, services
from bandit_router.bootstrap import Services, new_id
from bandit_router.errors import BadRequest, did_you_mean
from bandit_router.judge.agreement import Agreement, report
from bandit_router.judge.unsure import REASONS
from bandit_router.reward.feedback import score_of
from bandit_router.store.events import Account
from bandit_router.store.reviews import STATUSES, Item
from bandit_router.types import Feedback

router = APIRouter()

ACTIONS: Final = ("claim", "grade", "skip", "escalate", "release")
NOBODY: Final = "administrator"
"""Who reviews where no key is asked for and the request names nobody."""
_LONGEST: Final = 256
_MOST: Final = 1000


@router.get("/admin/review")
async def list_reviews(request: Request) -> Response:
    """List the queue in the order in which it is handed out, by status and reason."""
    administrator(request)
    asked, reviews, now = request.query_params, services(request).stores.reviews, services(request).router.now()
    status = _one_of(asked.get("status", "open"), (*STATUSES, "all"), "status")
    reason = _one_of(asked["reason"], REASONS, "reason") if "reason" in asked else None
    limit = _limit(asked.get("limit", "100"))
    find = partial(reviews.list, status=None if status == "all" else status, reason=reason, limit=limit, now=now)
    items, waiting = await to_thread.run_sync(find), await to_thread.run_sync(partial(reviews.open, now=now))
    settings = services(request).parts.settings.review
    body = {"enabled": settings.enabled, "open": waiting, "items": [item_body(item) for item in items]}
    return json_response(body)


@router.get("/admin/review/report")
async def report_reviews(request: Request) -> Response:
    """Report how reviewers agree with each other and with the panel."""
    administrator(request)
    found = report(await to_thread.run_sync(services(request).stores.reviews.grades))
    return json_response(
        {
            "items": found.items,
            "grades": found.grades,
            "reviewers": asdict(found.overall),
            "pairs": [{"reviewers": list(names), **asdict(pair)} for names, pair in found.pairs.items()],
            "panel": {reason: _panel(agreement) for reason, agreement in found.panel.items()},
        }
    )


@router.post("/admin/review")
async def review(request: Request) -> Response:
    """Claim an item, or end a claim: with a grade, by skipping or escalating, or by giving it back."""
    caller, service = administrator(request), services(request)
    data = parse_object(await request.body(), allow_nan=True)
    action = _one_of(data.get("action"), ACTIONS, "action")
    reviewer = read_text(data, "reviewer", longest=_LONGEST) or caller.tenant or NOBODY
    decision_id = (read_text(data, "decision_id", longest=_LONGEST) or "").removeprefix(ID_PREFIX) or None
    if action == "claim":
        return json_response({"reviewer": reviewer, "item": await _claim(service, data, reviewer, decision_id)})
    if decision_id is None:
        raise Unprocessable("decision_id is missing; send that of the item claimed", param="decision_id")
    await _end(service, data, action, reviewer, decision_id)
    if action == "grade":
        running(request).metrics.feedback("review")
    return json_response({"reviewer": reviewer, "decision_id": decision_id, "action": action})


async def _claim(
    service: Services, data: Mapping[str, Any], reviewer: str, decision_id: str | None
) -> dict[str, Any] | None:
    now, hold = service.router.now(), timedelta(minutes=service.parts.settings.review.claim_minutes)
    reason = _one_of(data["reason"], REASONS, "reason") if data.get("reason") is not None else None
    take = partial(service.stores.reviews.claim, reviewer, now=now, hold=hold, reason=reason, decision_id=decision_id)
    item = await to_thread.run_sync(take)
    if item is None:
        return None
    account = await to_thread.run_sync(service.stores.events.decision, item.decision_id)
    notes = await to_thread.run_sync(service.stores.reviews.notes, item.decision_id)
    return {
        **item_body(item),
        "claimed_until": (now + hold).isoformat(),
        **texts(account),
        "verdicts": _verdicts(account),
        "notes": list(notes),
    }


async def _end(service: Services, data: Mapping[str, Any], action: str, reviewer: str, decision_id: str) -> None:
    now, comment = service.router.now(), read_text(data, "comment", longest=10_000)
    if action == "grade":
        given = Feedback(
            id=new_id(),
            decision_id=decision_id,
            score=_score(data),
            received_at=now,
            label=read_text(data, "label", longest=_LONGEST),
            comment=comment,
            kind="review",
        )
        await to_thread.run_sync(service.stores.reviews.grade, reviewer, given)
    elif action == "release":
        await to_thread.run_sync(service.stores.reviews.release, decision_id, reviewer)
    else:
        escalate = action == "escalate"
        end = partial(
            service.stores.reviews.pass_on, decision_id, reviewer, now=now, escalate=escalate, comment=comment
        )
        await to_thread.run_sync(end)


def item_body(item: Item) -> dict[str, Any]:
    """Return what is told of an item without its text."""
    times = {"queued_at": item.queued_at.isoformat(), "done_at": item.done_at and item.done_at.isoformat()}
    return {**asdict(item), **times, "status": item.status}


def texts(account: Account) -> dict[str, Any]:
    """Return the question, as messages, and the answer, as a message; None for what is not stored."""
    served = account.outcome.served if account.outcome else None
    answer = None if served is None else account.answers[served]
    prompt = account.prompt
    return {"question": prompt and json.loads(prompt), "answer": answer and json.loads(answer)}


def _verdicts(account: Account) -> list[dict[str, Any]]:
    told = account_body(account)
    judgement = None if told["served"] is None else told["attempts"][told["served"]]["judgement"]
    return judgement["verdicts"] if judgement else []


def _panel(agreement: Agreement) -> dict[str, Any]:
    return {"items": agreement.items, "agreement": agreement.agreement}


def _score(data: Mapping[str, Any]) -> float:
    try:
        return score_of(read_number(data, "score"), read_text(data, "label", longest=_LONGEST))
    except BadRequest as error:
        raise Unprocessable(str(error), param=error.param) from error


def _one_of(value: Any, known: tuple[str, ...], name: str) -> Any:
    if value not in known:
        raise Unprocessable(f"{name} is {str(value)[:80]!r}; {did_you_mean(str(value)[:80], known)}", param=name)
    return value


def _limit(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 1 <= int(value[:9]) <= _MOST:
        raise Unprocessable(f"limit must be a whole number from 1 to {_MOST}", param="limit")
    return int(value)
