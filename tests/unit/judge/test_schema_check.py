"""Schemas come from clients: they are used where that is safe and ignored where it is not."""

from __future__ import annotations

from typing import Any

import pytest

from bandit_router.judge.schema import mismatch

REDOS = "^(a+)+$"
EVIL = "a" * 40 + "!"


def test_a_value_that_matches_has_no_mismatch() -> None:
    assert mismatch({"a": 1}, {"properties": {"a": {"type": "integer"}}}) is None


def test_a_mismatch_says_where() -> None:
    assert mismatch({"a": {"b": "x"}}, {"properties": {"a": {"properties": {"b": {"type": "null"}}}}}) == "type at a.b"


def test_a_property_may_be_called_pattern() -> None:
    assert mismatch({"pattern": 1}, {"properties": {"pattern": {"type": "string"}}}) == "type at pattern"


def test_older_drafts_are_understood() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"n": {"type": "integer"}},
        "properties": {"a": {"$ref": "#/definitions/n"}},
    }
    assert mismatch({"a": "x"}, schema) == "type at a"


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"a": EVIL}, {"properties": {"a": {"pattern": REDOS}}}),
        ({"default": EVIL}, {"properties": {"default": {"pattern": REDOS}}}),
        ({EVIL: 1}, {"patternProperties": {REDOS: {}}, "additionalProperties": False}),
        ({EVIL: 1}, {"$defs": {"x": {"patternProperties": {REDOS: {}}}}, "unevaluatedProperties": False}),
    ],
)
def test_a_runaway_expression_is_not_run(value: Any, schema: Any) -> None:
    assert mismatch(value, schema) is None


def test_an_exploding_schema_is_given_up() -> None:
    definitions: dict[str, Any] = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(60)}
    definitions["d60"] = {"type": "integer"}
    assert mismatch(1, {"$ref": "#/$defs/d0", "$defs": definitions}) is None


def test_a_swapped_draft_does_not_lift_the_bounds() -> None:
    definitions: dict[str, Any] = {
        f"d{i}": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2,
        }
        for i in range(60)
    }
    definitions["d60"] = {"type": "integer"}
    assert mismatch(1, {"$ref": "#/$defs/d0", "$defs": definitions}) is None


@pytest.mark.parametrize(
    "schema",
    [
        None,
        [],
        True,
        {"type": "nonsense"},
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"$ref": "http://127.0.0.1:9/remote.json"},
        {"$id": "http://[broken", "properties": {"a": {"$ref": "z"}}},
        {"items": [{"type": "string"}], "prefixItems": 4},
        {"multipleOf": 0},
        {"properties": {f"p{i}": {"description": "x" * 100} for i in range(400)}, "type": "string"},
    ],
)
def test_a_schema_that_cannot_be_used_faults_no_answer(schema: Any) -> None:
    assert mismatch({"a": 1}, schema) is None
