"""The one map from what can go wrong to HTTP, in OpenAI's error shape; it decides nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bandit_router.api.reply import json_response
from bandit_router.errors import (
    AllModelsFailed,
    BadRequest,
    BodyTooLarge,
    EmbeddingFailed,
    ExperimentConflict,
    Forbidden,
    NoEligibleModel,
    PromotionConflict,
    ProviderError,
    RecordRejected,
    ReviewConflict,
    RouterError,
    SchemaOutdated,
    StoreUnavailable,
    Unauthorized,
    UnknownDecision,
    UnknownExperiment,
    UnknownModel,
    UnknownPolicy,
    UnknownReview,
    UnknownVersion,
)
from bandit_router.store.text import redact

log = logging.getLogger(__name__)

RETRY_AFTER_S: Final = 1
_INVALID: Final = "invalid_request_error"
_SERVER: Final = "server_error"


class Unprocessable(BadRequest):
    """The request is well formed, and a value in it makes no sense."""


class Conflict(BadRequest):
    """The request contradicts what is stored already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How one kind of error looks to a client; `message` replaces what the error itself says."""

    status: int
    type: str = _INVALID
    code: str
    param: str | None = None
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


INTERNAL: Final = Shape(
    status=500,
    type=_SERVER,
    code="internal_error",
    message="the router failed on this request; the service's log says why",
)

# What drivers say of a database holds hosts and users, so clients are not told; the log is.
_STORE_DOWN: Final = "the router's database does not answer, and no answer is given that was not logged; try again soon"

_SHAPES: Final[Mapping[type[RouterError], Shape]] = MappingProxyType(
    {
        BadRequest: Shape(status=400, code="invalid_value"),
        Unprocessable: Shape(status=422, code="invalid_value"),
        Conflict: Shape(status=409, code="conflict"),
        Unauthorized: Shape(status=401, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"}),
        Forbidden: Shape(status=403, code="admin_key_required"),
        UnknownModel: Shape(status=404, code="model_not_found", param="model"),
        UnknownPolicy: Shape(status=404, code="policy_not_found", param="x-router-policy"),
        UnknownDecision: Shape(status=404, code="decision_not_found", param="decision_id"),
        UnknownReview: Shape(status=404, code="review_not_found", param="decision_id"),
        ReviewConflict: Shape(status=409, code="review_conflict", param="decision_id"),
        UnknownExperiment: Shape(status=404, code="experiment_not_found", param="name"),
        ExperimentConflict: Shape(status=409, code="experiment_conflict", param="name"),
        UnknownVersion: Shape(status=404, code="version_not_found", param="to"),
        PromotionConflict: Shape(status=409, code="promotion_conflict", param="name"),
        NoEligibleModel: Shape(status=400, code="no_eligible_model"),
        BodyTooLarge: Shape(status=413, code="body_too_large"),
        AllModelsFailed: Shape(status=502, type="upstream_error", code="all_models_failed"),
        ProviderError: Shape(status=502, type="upstream_error", code="model_failed"),
        EmbeddingFailed: Shape(status=502, type="upstream_error", code="embedding_failed"),
        StoreUnavailable: Shape(
            status=503,
            type=_SERVER,
            code="store_unavailable",
            message=_STORE_DOWN,
            headers={"Retry-After": str(RETRY_AFTER_S)},
        ),
        SchemaOutdated: Shape(status=503, type=_SERVER, code="schema_outdated"),
        RecordRejected: INTERNAL,
        RouterError: INTERNAL,
    }
)

Count = Callable[[int, str], None]
"""Told of each error's HTTP status and code, for metrics."""


def shape_of(error: RouterError) -> Shape:
    """Return how an error looks to a client; a class that is not in the map looks like its nearest base."""
    return next(_SHAPES[kind] for kind in type(error).__mro__ if kind in _SHAPES)


def error_body(message: str, *, type: str, code: str, param: str | None = None) -> dict[str, Any]:
    """Return OpenAI's error object."""
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def error_response(error: RouterError, count: Count) -> Response:
    """Return the response that tells a client of an error, and log what the client is not told."""
    shape = shape_of(error)
    count(shape.status, shape.code)
    if shape.status == 500:
        log.error("a request failed: %s", error, exc_info=error)
    elif shape.message:
        log.warning("a request failed: %s", error)
    headers = dict(shape.headers)
    if isinstance(error, AllModelsFailed):
        headers["x-router-decision-id"] = error.decision_id
    body = error_body(
        shape.message or _public(error),
        type=shape.type,
        code=shape.code,
        param=getattr(error, "param", None) or shape.param,
    )
    return json_response(body, status=shape.status, headers=headers)


def install(app: FastAPI, count: Count) -> None:
    """Make every error of an application answer in OpenAI's shape: ours, the framework's and the unforeseen."""

    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, RouterError)
        return error_response(error, count)

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
        count(error.status_code, code)
        message = str(error.detail)
        if error.status_code in (404, 405):
            message = f"there is no {request.method} {request.url.path}; GET /openapi.json lists what there is"
        body = error_body(message, type=_INVALID, code=code)
        return json_response(body, status=error.status_code, headers=dict(error.headers or {}))

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        return error_response(Unprocessable(first["msg"], param=".".join(map(str, first["loc"][1:]))), count)

    async def unforeseen(_: Request, error: Exception) -> Response:  # noqa: ARG001 (the server logs its traceback)
        count(INTERNAL.status, INTERNAL.code)
        body = error_body(str(INTERNAL.message), type=INTERNAL.type, code=INTERNAL.code)
        return json_response(body, status=INTERNAL.status)

    app.add_exception_handler(RouterError, ours)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unforeseen)


def _public(error: RouterError) -> str:
    """Return what an error says; providers like to quote keys, and urls with keys in them, so theirs is masked."""
    if isinstance(error, AllModelsFailed):
        # The id looks like a secret itself, and clients need it.
        return error.decision_id.join(map(redact, str(error).split(error.decision_id)))
    if isinstance(error, ProviderError | EmbeddingFailed):
        return redact(str(error))
    return str(error)
