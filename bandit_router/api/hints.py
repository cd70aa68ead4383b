"""Reads what a client asks of the router, from headers and metadata; what becomes of it is decided elsewhere.

Headers go before metadata. Metadata may name a hint with the prefix (`x-router-value-usd`) or without (`value_usd`);
keys with the prefix are for the router alone and are not passed on to models.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bandit_router.errors import BadRequest, UnknownModel, did_you_mean
from bandit_router.registry.catalog import Catalog
from bandit_router.types import Hints

PREFIX: Final = "x-router-"
NAMES: Final = ("value-usd", "value-s", "max-cost-usd", "min-quality", "allow", "deny", "region", "policy", "session")
_PREFIX_BYTES: Final = PREFIX.encode()
_UNPREFIXED: Final = {name.replace("-", "_"): name for name in NAMES}
_LONGEST: Final = 256


def split_metadata(metadata: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the hints in metadata by name, and the metadata to pass on; raise `BadRequest`."""
    if metadata is None:
        return {}, {}
    if not isinstance(metadata, dict):
        raise BadRequest("metadata must be an object", param="metadata")
    hints: dict[str, Any] = {_UNPREFIXED[key]: value for key, value in metadata.items() if key in _UNPREFIXED}
    rest: dict[str, Any] = {}
    for key, value in metadata.items():
        lower = key.lower()
        if not lower.startswith(PREFIX):
            rest[key] = value
        elif lower.removeprefix(PREFIX) in NAMES:
            hints[lower.removeprefix(PREFIX)] = value
        else:
            raise BadRequest(f"metadata has an unknown hint {key!r}; {_nearest(lower)}", param=key)
    return hints, rest


def read_hints(headers: Iterable[tuple[bytes, bytes]], metadata: dict[str, Any], catalog: Catalog) -> Hints:
    """Return the hints of a request, `metadata` being those found there; raise `BadRequest` naming the hint."""
    sent = {
        name[len(_PREFIX_BYTES) :].decode("latin-1"): value.decode("latin-1")
        for name, value in headers
        if name.startswith(_PREFIX_BYTES)
    }
    for name in sent.keys() - NAMES:
        header = f"{PREFIX}{name}"
        raise BadRequest(f"no request header is named {header!r}; {_nearest(header)}", param=header)
    given = {name: value for name, value in (metadata | sent).items() if value is not None}
    if not given:
        return Hints()
    return Hints(
        value_usd=_number(given, "value-usd", above=0.0),
        value_s=_number(given, "value-s", above=0.0),
        max_cost_usd=_number(given, "max-cost-usd"),
        min_quality=_number(given, "min-quality", high=1.0),
        allow=_models(given, "allow", catalog),
        deny=_models(given, "deny", catalog) or frozenset(),
        region=_text(given, "region"),
        policy=_text(given, "policy"),
        session=_text(given, "session"),
    )


def _number(given: Mapping[str, Any], name: str, *, above: float | None = None, high: float = math.inf) -> float | None:
    """Return a number from 0 to `high`, or more than `above`; None when it was not given."""
    if name not in given:
        return None
    raw = given[name]
    try:
        number = math.nan if isinstance(raw, bool) else float(raw)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or not 0.0 <= number <= high or (above is not None and number <= above):
        span = f"above {above:g}" if above is not None else "0 or more" if high == math.inf else f"from 0 to {high:g}"
        raise _bad(name, f"must be a number {span}, not {_shown(raw)}")
    return number


def _models(given: Mapping[str, Any], name: str, catalog: Catalog) -> frozenset[str] | None:
    """Return the names of models listed, those of a tier for a tier's name; None when nothing was given."""
    if name not in given:
        return None
    raw = given[name]
    entries = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise _bad(name, f"must list models by name with commas between, not {_shown(raw)}")
    named = [entry.strip() for entry in entries if entry.strip()]
    if not named:
        raise _bad(name, "names no model; list models or tiers with commas between, or leave it out")
    try:
        return frozenset(model.name for entry in named for model in catalog.named(entry))
    except UnknownModel as error:
        raise _bad(name, str(error)) from error


def _text(given: Mapping[str, Any], name: str) -> str | None:
    if name not in given:
        return None
    raw = given[name]
    if not isinstance(raw, str) or not raw.strip() or len(raw) > _LONGEST:
        raise _bad(name, f"must be a text of 1 to {_LONGEST} characters, not {_shown(raw)}")
    return raw.strip()


def _nearest(key: str) -> str:
    return did_you_mean(key, [f"{PREFIX}{name}" for name in NAMES])


def _bad(name: str, problem: str) -> BadRequest:
    return BadRequest(f"{PREFIX}{name}: {problem}", param=f"{PREFIX}{name}")


def _shown(raw: Any) -> str:
    return repr(raw)[:80]
