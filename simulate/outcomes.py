"""Reads and strictly checks tables of recorded outcomes (prompt x model -> score, cost); it simulates nothing."""

from __future__ import annotations

import gzip
import importlib.util
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from bandit_router.errors import ConfigError

EXAMPLE_FILES = ("val.jsonl", "test_holdout.jsonl")
_NO_JUDGES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What one model did with one prompt: true score in [0, 1], cost in USD, and what else was recorded."""

    score: float
    cost_usd: float
    input_tokens: int | None = None
    output_tokens: int | None = None
    answer: str | None = None
    judges: Mapping[str, float] = field(default_factory=lambda: _NO_JUDGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One prompt with the outcome of every model; `prompt` is stripped of outer white space."""

    id: str
    category: str
    prompt: str
    arms: Mapping[str, Arm]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows with one and the same set of models, which are listed cheapest first."""

    rows: tuple[Row, ...]
    models: tuple[str, ...]
    duplicates: int = 0
    """How many rows were left out because their prompt had come before."""

    def mean_score(self, model: str) -> float:
        """Return a model's mean true score over all rows, in [0, 1]."""
        return sum(row.arms[model].score for row in self.rows) / len(self.rows)

    def mean_cost_usd(self, model: str) -> float:
        """Return a model's mean cost over all rows, in USD a request."""
        return sum(row.arms[model].cost_usd for row in self.rows) / len(self.rows)


def demo_table(path: Path | None, *, unique: bool = True) -> Table:
    """Read the table at `path`, by default the examples that the `demo` extra installs; raise `ConfigError`."""
    paths = (path,) if path else example_paths()
    if not paths:
        raise ConfigError("there is no outcome table; pip install 'bandit-router[demo]' or give an outcome file")
    return read_table(*paths, unique=unique)


def example_paths() -> tuple[Path, ...]:
    """Find the example tables of the `paretobandit` wheel without importing it; empty when they are not installed."""
    spec = importlib.util.find_spec("pareto_bandit")
    folders = list(spec.submodule_search_locations or []) if spec else []
    paths = tuple(Path(folder) / "data" / "examples" / name for folder in folders for name in EXAMPLE_FILES)
    return tuple(path for path in paths if path.is_file())


def read_table(*paths: Path, unique: bool = True) -> Table:
    """Read one table from JSON Lines files, plain or gzipped; raise `ConfigError` with file, line and remedy.

    With `unique`, only the first row of each prompt is kept: who answers by prompt alone has one answer to give.
    """
    rows: list[Row] = []
    prompts, duplicates, models = set[str](), 0, frozenset[str]()
    for path in paths:
        for number, line in _lines(path):
            row = _row(line, path=path, number=number)
            models = models or frozenset(row.arms)
            _check_models(row, models, path=path, number=number)
            if unique and row.prompt in prompts:
                duplicates += 1
            else:
                rows.append(row)
            prompts.add(row.prompt)
    if not rows:
        raise ConfigError("the file has no rows; give one JSON object a line", path=", ".join(map(str, paths)))
    return Table(rows=tuple(rows), models=_cheapest_first(rows), duplicates=duplicates)


def _cheapest_first(rows: Iterable[Row]) -> tuple[str, ...]:
    totals: dict[str, float] = {}
    for row in rows:
        for model, arm in row.arms.items():
            totals[model] = totals.get(model, 0.0) + arm.cost_usd
    return tuple(sorted(totals, key=lambda model: (totals[model], model)))


def _check_models(row: Row, models: frozenset[str], *, path: Path, number: int) -> None:
    if missing := sorted(models - set(row.arms)):
        raise ConfigError(f"model {missing[0]!r} is missing; every row needs every model", path=str(path), line=number)
    if extra := sorted(set(row.arms) - models):
        message = f"model {extra[0]!r} is not in the rows before; every row needs the same models"
        raise ConfigError(message, path=str(path), line=number)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (1-based number, text) of the lines that are not blank."""
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except gzip.BadGzipFile as error:
        raise ConfigError("is not gzip; drop .gz from its name, or compress it", path=str(path)) from error
    except (EOFError, zlib.error) as error:
        raise ConfigError(f"is cut off or damaged ({error}); copy it again", path=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8 text; if it is gzip, its name must end in .gz", path=str(path)) from error
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror}); check the path", path=str(path)) from error


def _open(path: Path) -> IO[str]:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def _row(line: str, *, path: Path, number: int) -> Row:
    try:
        return _parse_row(line, number=number, stem=path.name.split(".")[0])
    except ValueError as error:
        raise ConfigError(str(error), path=str(path), line=number) from error


def _parse_row(line: str, *, number: int, stem: str) -> Row:
    """Parse one line of either known format; raise ValueError saying what is wrong and how to fix it."""
    try:
        raw = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg} at column {error.colno}); give one JSON object a line") from error
    if not isinstance(raw, dict):
        raise ValueError('the line is not a JSON object; it must be {"id", "category", "prompt", "arms"}')
    prompt, arms = raw.get("prompt"), raw.get("arms")
    if not isinstance(prompt, str) or not prompt.strip():
        raise ValueError("'prompt' is missing or empty; give the text the models were asked")
    if not isinstance(arms, dict) or not arms:
        raise ValueError('\'arms\' is missing or empty; give {model: {"score", "cost"}} for every model')
    return Row(
        id=str(raw.get("id") or f"{stem}-{number}"),
        category=str(raw.get("category") or raw.get("source") or "unknown"),
        prompt=prompt.strip(),
        arms={model: _parse_arm(arm, model) for model, arm in arms.items()},
    )


def _parse_arm(raw: Any, model: str) -> Arm:
    if not isinstance(raw, dict):
        raise ValueError(f'the arm of {model!r} is not an object; it must be {{"score", "cost"}}')
    answer = raw.get("answer")
    if answer is not None and not isinstance(answer, str):
        raise ValueError(f"'answer' of {model!r} is not text; give a string or leave it out")
    judges = raw.get("judges") or {}
    if not isinstance(judges, dict):
        raise ValueError(f"'judges' of {model!r} is not an object; it must be {{judge: score}}")
    return Arm(
        score=_number(raw.get("score", raw.get("reward")), f"'score' of {model!r}", high=1.0),
        cost_usd=_number(raw.get("cost"), f"'cost' of {model!r}"),
        input_tokens=_count(raw.get("in_tok"), f"'in_tok' of {model!r}"),
        output_tokens=_count(raw.get("out_tok"), f"'out_tok' of {model!r}"),
        answer=answer,
        judges={name: _number(score, f"judge {name!r} of {model!r}", high=1.0) for name, score in judges.items()}
        or _NO_JUDGES,
    )


def _number(value: Any, what: str, *, high: float = math.inf) -> float:
    span = "[0, 1]" if high == 1.0 else "0 or more"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} is {'missing' if value is None else repr(value)}; it must be a number, {span}")
    if not (0 <= value <= high and math.isfinite(value)):
        raise ValueError(f"{what} is {value}; it must be {span}")
    return float(value)


def _count(value: Any, what: str) -> int | None:
    return None if value is None else round(_number(value, what))
