"""Reads foreign logs line by line and builds contexts of their messages; the formats have files of their own."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from bandit_router.errors import ConfigError, did_you_mean
from bandit_router.protocols import ContextBuilder
from bandit_router.replay.check import check
from bandit_router.replay.foreign import dsjson, litellm, openai, table
from bandit_router.replay.foreign.entry import Entry, record
from bandit_router.replay.foreign.fields import Object
from bandit_router.replay.record import Record
from bandit_router.types import Action, ChatRequest

FORMATS: Final = ("litellm", "openai", "dsjson", "table")
_Parse = Callable[[Object, int], Entry]


async def read_foreign(
    kind: str, path: Path, *, value_usd: float, seed: int = 0, contexts: ContextBuilder | None = None
) -> AsyncIterator[Record]:
    """Yield the records of a foreign log; raise `ConfigError` with file, line and remedy.

    `contexts` builds what policies look at from the messages, where there are any.
    """
    parse = _parser(kind, path, seed)
    seen: set[str] = set()
    for seq, (number, line) in enumerate(_lines(path), start=1):
        with _placed(path, number):
            entry = parse(_object(line), number)
            if entry.id in seen:
                raise ValueError(f"the id {entry.id!r} is there already; keep one line a request")
        seen.add(entry.id)
        request = ChatRequest(messages=entry.messages)
        context = await contexts.build(request) if contexts and entry.messages else None
        made = record(entry, seq, value_usd=value_usd, context=context)
        with _placed(path, number):
            check(made)
        yield made


def _parser(kind: str, path: Path, seed: int) -> _Parse:
    known: dict[str, _Parse] = {"litellm": litellm.entry, "openai": openai.entry, "dsjson": dsjson.Lines().entry}
    if kind == "table":
        return partial(table.entry, models=_models(path), seed=seed)
    if kind not in known:
        raise ConfigError(f"no format is called {kind!r}; {did_you_mean(kind, FORMATS)}")
    return known[kind]


def _models(path: Path) -> dict[str, Action]:
    """Return the models of a table, which has to be read to its end to say what they cost."""
    costs = table.Costs()
    for number, line in _lines(path):
        with _placed(path, number):
            costs.add(_object(line))
    return costs.models()


@contextmanager
def _placed(path: Path, number: int) -> Iterator[None]:
    """Say in which line what is wrong."""
    try:
        yield
    except ValueError as error:
        raise ConfigError(str(error), path=str(path), line=number) from error


def _object(line: str) -> Object:
    try:
        raw = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg} at column {error.colno}); give one JSON object a line") from error
    if not isinstance(raw, dict):
        raise ValueError("the line is not a JSON object; give one JSON object a line")
    found: dict[str, Any] = raw
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot be read ({reason}); check the path", path=str(path)) from error
