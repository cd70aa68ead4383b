"""Writes JSON responses, headers included; it knows no route."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

# ASCII, so that a lone surrogate in a model's answer comes out as it came in instead of failing the response.
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def dumps(content: Any) -> str:
    """Return compact JSON in ASCII; raise ValueError for NaN and infinities.

    >>> dumps({"a": [1, "é"]})
    '{"a":[1,"\\\\u00e9"]}'
    """
    return _ENCODER.encode(content)


def json_response(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response; header values may hold any text."""
    return Response(
        dumps(content), status_code=status, headers=headers and header_values(headers), media_type="application/json"
    )


def header_values(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers whose values can be sent: what is no printable ASCII is percent-encoded.

    >>> header_values({"x-router-model": "modèle"})
    {'x-router-model': 'mod%C3%A8le'}
    """
    return {
        name: value if value.isascii() and value.isprintable() else quote(value, safe=" /:@,;=+")
        for name, value in headers.items()
    }
