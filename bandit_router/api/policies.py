"""/admin/policies: which version of each policy serves, what the gate decided, and rolling back; it learns nothing."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from bandit_router.api.body import parse_object
from bandit_router.api.feedback import read_text
from bandit_router.api.reply import json_response
from bandit_router.api.state import administrator, services
from bandit_router.bootstrap import Services, make_switch
from bandit_router.errors import BadRequest
from bandit_router.switch import Standing, Switch
from bandit_router.types import Promotion

router = APIRouter()

_LONGEST: Final = 1000
_SHOWN: Final = 100
_NOBODY: Final = "administrator"


@router.get("/admin/policies")
async def list_policies(request: Request) -> Response:
    """List all that learns: the version that serves, the newest, whether one is pinned, and the last decision."""
    administrator(request)
    found = await to_thread.run_sync(_switch(services(request)).standings)
    return json_response({"policies": [_standing(each) for each in found]})


@router.get("/admin/policies/{name}/gate")
async def list_decisions(request: Request) -> Response:
    """List what was decided on a policy's versions, by the gate or by people, the newest first."""
    administrator(request)
    decisions = _switch(services(request)).decisions
    found = await to_thread.run_sync(partial(decisions, request.path_params["name"], limit=_SHOWN))
    return json_response({"decisions": [promotion_body(each) for each in found]})


@router.post("/admin/policies/{name}/rollback")
async def roll_back(request: Request) -> Response:
    """Let an earlier version serve, and pin it: `{to?, reason?}`."""
    by, parts, body = administrator(request).tenant or _NOBODY, services(request), await _body(request)
    to = body.get("to")
    if to is not None and (isinstance(to, bool) or not isinstance(to, int) or to < 0):
        raise BadRequest(f"to is {to!r}; give the number of a version, or 0 for none", param="to")
    reason = read_text(body, "reason", longest=_LONGEST) or "rolled back by an operator"
    change = partial(_switch(parts).rollback, request.path_params["name"], to=to, by=by, reason=reason)
    return await _changed(parts, change)


@router.post("/admin/policies/{name}/release")
async def release(request: Request) -> Response:
    """Take the pin out: newer versions serve again once they pass the gate; `{reason?}`."""
    by, parts, body = administrator(request).tenant or _NOBODY, services(request), await _body(request)
    reason = read_text(body, "reason", longest=_LONGEST) or "released by an operator"
    change = partial(_switch(parts).release, request.path_params["name"], by=by, reason=reason)
    return await _changed(parts, change)


async def _changed(parts: Services, change: partial[Promotion]) -> Response:
    decision = await to_thread.run_sync(change)
    await to_thread.run_sync(parts.learned.policies.refresh)  # this process need not wait for its next look
    return json_response(promotion_body(decision))


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    return parse_object(raw) if raw else {}


def _switch(parts: Services) -> Switch:
    return make_switch(parts.parts.settings, parts.stores.engine)


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        "policy": standing.policy,
        "serving": standing.serving,
        "newest": standing.newest,
        "pinned": standing.pinned,
        "since": standing.since.isoformat() if standing.since else None,
        "last": promotion_body(standing.last) if standing.last else None,
    }


def promotion_body(decision: Promotion) -> dict[str, Any]:
    """Return a decision as JSON shows it."""
    return {
        "policy": decision.policy,
        "version": decision.number,
        "decision": decision.kind,
        "at": decision.at.isoformat(),
        "by": decision.by,
        "reason": decision.reason,
        "over": decision.over,
        "numbers": dict(decision.numbers),
    }
