"""/admin/models: administrators add, change, let in, retire and readmit models at run time; it calls none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from bandit_router.api.body import parse_object
from bandit_router.api.feedback import read_text
from bandit_router.api.metrics import ModelHealth
from bandit_router.api.reply import json_response
from bandit_router.api.state import administrator, services
from bandit_router.bootstrap import Services
from bandit_router.errors import BadRequest
from bandit_router.registry.lifecycle import added, approved, readmitted, retired
from bandit_router.settings import ModelSettings
from bandit_router.types import Model, ModelEvent, ModelRecord

router = APIRouter()

_LONGEST: Final = 1000
_EVENTS: Final = 100


@router.get("/admin/models")
async def list_models(request: Request) -> Response:
    """List every model there is or was, with its state, prices and how it fares."""
    administrator(request)
    service = services(request)
    names = {*service.offered.records, *(model.name for model in service.catalog.models)}
    return json_response({"models": [_body(service, name) for name in sorted(names)]})


@router.post("/admin/models")
async def add_model(request: Request) -> Response:
    """Add a model, described as in router.toml, or change one that was added here."""
    administrator(request)
    service, data = services(request), parse_object(await request.body())
    reason = read_text(data, "reason", longest=_LONGEST) or "added by an operator"
    entry = _entry({name: value for name, value in data.items() if name != "reason"})
    record, probed = service.offered.records.get(entry.name), service.offered.probed and entry.through is None
    event = added(entry.name, record, now=service.router.now(), reason=reason, probed=probed)
    await to_thread.run_sync(service.offered.add, entry, event)
    return json_response(_body(service, entry.name))


@router.get("/admin/models/{name:path}/events")
async def list_events(request: Request) -> Response:
    """List what happened to a model, the newest first; `*` stands for what happened to all."""
    administrator(request)
    service, name = services(request), request.path_params["name"]
    if name != "*":
        service.offered.record(name)
    found = await to_thread.run_sync(lambda: service.stores.roster.events(name, limit=_EVENTS))
    return json_response({"events": [_event_body(event) for event in found]})


@router.post("/admin/models/{name:path}/retire")
async def retire_model(request: Request) -> Response:
    """Take a model out: requests under way end as they began, and its history is kept."""
    return await _change(request, retired, "retired by an operator")


@router.post("/admin/models/{name:path}/readmit")
async def readmit_model(request: Request) -> Response:
    """Take a model back, with what is known of it."""
    return await _change(request, readmitted, "readmitted by an operator")


@router.post("/admin/models/{name:path}/approve")
async def approve_model(request: Request) -> Response:
    """Let a newcomer take users' requests, whatever its probes say."""
    return await _change(request, approved, "approved by an operator")


def health_of_models(service: Services) -> Iterable[ModelHealth]:
    """Yield how each model fares, for the metrics."""
    offered = {model.name for model in service.catalog.models}
    for name in sorted(offered | service.offered.records.keys()):
        record = service.offered.records.get(name)
        yield ModelHealth(
            model=name,
            state=record.state if record else "active",
            circuit=service.breaker.state(name),
            trips=service.breaker.trips(name),
            expected=service.drift.expected(name),
            evidence=service.drift.evidence(name),
            alarms=sum(change.model == name and change.kind == "worse" for change in service.drift.changes),
            versions=sum(found.model == name for found in service.drift.replaced),
        )


async def _change(request: Request, rule: Callable[..., ModelEvent], usual: str) -> Response:
    administrator(request)
    service, raw, name = services(request), await request.body(), request.path_params["name"]
    reason = read_text(parse_object(raw), "reason", longest=_LONGEST) if raw else None
    event = rule(service.offered.record(name), now=service.router.now(), reason=reason or usual)
    await to_thread.run_sync(service.offered.change, event)
    return json_response(_body(service, name))


def _entry(data: dict[str, Any]) -> ModelSettings:
    try:
        return ModelSettings.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        param = ".".join(str(part) for part in first["loc"]) or None
        message = first["msg"].removeprefix("Value error, ")
        raise BadRequest(f"{param}: {message}" if param else message, param=param) from error


def _body(service: Services, name: str) -> dict[str, Any]:
    record, offered = service.offered.records.get(name), service.catalog.get(name)
    model = offered or service.offered.waiting.get(name)
    return {
        "name": name,
        "offered": offered is not None,
        **(_record_body(record) if record else {"state": "active"}),
        **(_model_body(model) if model else {}),
        "circuit": service.breaker.state(name),
        "expected_quality": service.drift.expected(name),
        "drift_evidence": service.drift.evidence(name),
    }


def _record_body(record: ModelRecord) -> dict[str, Any]:
    return {
        "state": record.state,
        "since": record.since.isoformat(),
        "reason": record.reason,
        "numbers": dict(record.numbers),
        "source": "added" if record.entry else "router.toml",
    }


def _model_body(model: Model) -> dict[str, Any]:
    return {
        "target": model.target,
        "tier": model.tier,
        "input_usd_per_million": model.input_usd_per_token * 1e6,
        "output_usd_per_million": model.output_usd_per_token * 1e6,
        "context_window": model.context_window,
        "tools": model.tools,
        "vision": model.vision,
        "json_schema": model.json_schema,
        "region": model.region,
        "family": model.family,
        "line": model.line,
        "size_b": model.size_b,
        "benchmarks": dict(model.benchmarks),
    }


def _event_body(event: ModelEvent) -> dict[str, Any]:
    return {
        "model": event.model,
        "at": event.at.isoformat(),
        "before": event.before,
        "state": event.state,
        "reason": event.reason,
        "numbers": dict(event.numbers),
    }
