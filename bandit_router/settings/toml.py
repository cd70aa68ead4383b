"""Reads TOML strictly against a schema, and says in which file, line and key it is wrong; it knows no schema."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bandit_router.errors import ConfigError, did_you_mean

M = TypeVar("M", bound=BaseModel)


def parse_toml(text: str, schema: type[M], *, path: str) -> M:
    """Check TOML text against a schema; raise `ConfigError` with file, line, key and remedy."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", path=path) from error
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(_explain(first, schema), path=path, line=_line_of(text, first["loc"])) from error


def read_toml(path: Path, schema: type[M]) -> M:
    """Read and check a TOML file; raise `ConfigError` when it is missing or wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", path=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8; save it as that", path=str(path)) from error
    return parse_toml(text, schema, path=str(path))


def _explain(error: ErrorDetails, schema: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        *table, name = error["loc"]
        return f"unknown key {name!r}; {did_you_mean(str(name), _keys_at(schema, tuple(table)))}"
    if error["type"] == "missing":
        return f"key {key!r} is missing; add it"
    message = error["msg"].removeprefix("Value error, ")
    return f"{key}: {message}" if key else message


def _keys_at(schema: Any, loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the table at `loc` may hold."""
    for part in loc:
        models = _models_in(schema.model_fields[part].annotation) if part in getattr(schema, "model_fields", {}) else []
        schema = models[0] if models else schema
    return list(getattr(schema, "model_fields", {}))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for arg in get_args(annotation) for model in _models_in(arg)]


def _line_of(text: str, loc: tuple[int | str, ...]) -> int | None:
    """Return the 1-based line that holds the key at `loc`, or where its table starts."""
    table = [str(part) for part in loc if isinstance(part, str)]
    nth = next((part for part in loc if isinstance(part, int)), 0)
    found, inside, seen = None, not table[:-1], -1
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line.startswith("["):
            name = line.strip("[] ").split("]")[0].strip()
            seen += name == (table[0] if table else "") and line.startswith("[[")
            this = not line.startswith("[[") or seen == nth
            inside = name == ".".join(table[:-1]) and this
            found = number if inside or (name == ".".join(table) and this) else found
        elif inside and table and line.split("=")[0].strip().strip('"') == table[-1]:
            return number
    return found
