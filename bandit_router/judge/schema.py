"""Checks a value against a client's JSON schema without trusting the schema: nothing is fetched, work is bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

_MOST_REFERENCES: Final = 2_000
_LONGEST_SCHEMA: Final = 20_000
"""Characters; checking a longer one would hold up other requests."""
_BY_PATTERN: Final = frozenset({"patternProperties", "additionalProperties"})
_UNUSABLE: Final = (SchemaError, Unresolvable, RecursionError, ArithmeticError, ValueError, TypeError, LookupError)
"""What a schema can bring jsonschema to raise, by bad references, addresses or numbers."""
_LONGEST: Final = 160


class _TooMuchWork(Exception):
    """The schema refers to itself so often that checking it would hold up other requests."""


def mismatch(value: Any, schema: Any) -> str | None:
    """Return where and how `value` does not match, None when it does or the schema itself cannot be used.

    Regular expressions are not checked, because one of a client's could run for hours; neither are references to
    other documents.
    """
    if not isinstance(schema, Mapping):
        return None
    try:
        plain = _plain(schema)
        if len(json.dumps(plain, default=str)) > _LONGEST_SCHEMA:
            return None
        Draft202012Validator.check_schema(plain)
        error = next(_validator(plain).iter_errors(value), None)
    except (_TooMuchWork, *_UNUSABLE):
        return None
    return _say(error) if error else None


def _say(error: ValidationError) -> str:
    where = ".".join(str(part) for part in error.absolute_path) or "the top level"
    return f"{error.validator} at {where}"[:_LONGEST]


def _validator(schema: Mapping[str, Any]) -> Any:
    """Return a validator that gives up after so many references and resolves none outside the schema."""
    followed = count()

    def follow(validator: Any, reference: str, instance: Any, owner: Any) -> Iterator[ValidationError]:
        if next(followed) >= _MOST_REFERENCES:
            raise _TooMuchWork
        yield from Draft202012Validator.VALIDATORS["$ref"](validator, reference, instance, owner) or ()

    # jsonschema's `extend` is not annotated.
    bounded: Any = extend(Draft202012Validator, {"$ref": follow})  # type: ignore[no-untyped-call]
    return bounded(schema, registry=Registry())


def _plain(schema: Any) -> Any:
    """Return the schema without what could be slow (patterns) or would swap the validator (`$schema`)."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    # A *property* may be called "pattern"; the keyword is the one whose value is text.
    dropped = {name for name in ("pattern", "$schema", "$dynamicRef") if isinstance(schema.get(name), str)}
    dropped.add("unevaluatedProperties")
    if isinstance(schema.get("patternProperties"), Mapping):
        dropped |= _BY_PATTERN
    return {name: _plain(sub) for name, sub in schema.items() if name not in dropped}
