"""GET and POST /admin/experiments: administrators start, look at, ramp and stop experiments."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from bandit_router.api.body import parse_object
from bandit_router.api.feedback import read_number, read_text
from bandit_router.api.reply import json_response
from bandit_router.api.state import administrator, services
from bandit_router.bootstrap import Services, conduct
from bandit_router.errors import BadRequest, ConfigError, did_you_mean
from bandit_router.experiment.history import Standing
from bandit_router.experiment.load import find_experiment, read_experiments
from bandit_router.experiment.spec import ExperimentSpec
from bandit_router.experiment.summary import analysis_body, standing_body

router = APIRouter()

ACTIONS: Final = ("start", "ramp", "stop")
NOBODY: Final = "administrator"
"""Who acts where no key is asked for."""
_LONGEST: Final = 1000


@router.get("/admin/experiments")
async def list_experiments(request: Request) -> Response:
    """List every experiment there has been, and those in files that were never started."""
    administrator(request)
    service = services(request)
    found = await to_thread.run_sync(conduct(service).all)
    files, bad = await to_thread.run_sync(read_experiments, _folder(service))
    now = service.router.now()
    body = {
        "experiments": [standing_body(each, now) for each in found.values()],
        "not_started": sorted(files.keys() - found.keys()),
        "unreadable": [{"file": Path(error.path).name, "problem": str(error)} for error in bad],
    }
    return json_response(body)


@router.get("/admin/experiments/{name}")
async def show_experiment(request: Request) -> Response:
    """Analyse one experiment by its whole log."""
    administrator(request)
    service = services(request)
    report = await to_thread.run_sync(conduct(service).analyse, request.path_params["name"])
    body = standing_body(report.standing, report.at) | analysis_body(report.analysis, report.verdict)
    return json_response(body)


@router.post("/admin/experiments")
async def change_experiment(request: Request) -> Response:
    """Start, ramp or stop an experiment: `{action, name | experiment, share?, reason?}`."""
    by = administrator(request).tenant or NOBODY
    service = services(request)
    body = parse_object(await request.body())
    action = body.get("action")
    if action not in ACTIONS:
        raise BadRequest(f"action is {action!r}; {did_you_mean(str(action), ACTIONS)}", param="action")
    standing = await to_thread.run_sync(partial(_change, service, str(action), body, by=by))
    await to_thread.run_sync(service.learned.trials.refresh)
    return json_response(standing_body(standing, service.router.now()))


def _change(service: Services, action: str, body: dict[str, Any], *, by: str) -> Standing:
    acting = conduct(service)
    if action == "start":
        try:
            return acting.start(_asked_for(service, body), by=by)
        except ConfigError as error:
            raise BadRequest(str(error)) from error
    name, reason = _name(body), read_text(body, "reason", longest=_LONGEST) or ""
    if action == "ramp":
        return acting.ramp(name, read_number(body, "share"), by=by, reason=reason)
    return acting.stop(name, by=by, reason=reason)


def _asked_for(service: Services, body: dict[str, Any]) -> ExperimentSpec:
    """Return the experiment in the body, or that of a file by its name."""
    if "experiment" in body:
        try:
            return ExperimentSpec.model_validate({"name": body.get("name", "")} | _table(body["experiment"]))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, ("experiment", *first["loc"])))
            raise BadRequest(f"{where}: {first['msg'].removeprefix('Value error, ')}", param=where) from error
    return find_experiment(_folder(service), _name(body))


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not value.get("name"):
        raise BadRequest("experiment must be an object with a name, as in a file", param="experiment")
    return value


def _name(body: dict[str, Any]) -> str:
    name = read_text(body, "name", longest=_LONGEST)
    if not name:
        raise BadRequest("name is missing: which experiment?", param="name")
    return name


def _folder(service: Services) -> Path:
    return service.parts.settings.policies.dir / "experiments"
