"""What a taxonomy file may say, and how a user's file joins the shipped one; it classifies nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from bandit_router.settings import Strict, read_toml

OTHER: Final = "other"
"""The category of what fits no other; no file may define it."""


def is_pattern(cue: str) -> bool:
    """Return True for a cue written as a regular expression between slashes."""
    return len(cue) > 2 and cue.startswith("/") and cue.endswith("/")


def _check_name(name: str) -> str:
    if name == OTHER:
        raise ValueError(f"{OTHER!r} is kept for what fits no category; choose another name")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise ValueError(f"{name!r} is no name; use letters, digits, '.', '_' and '-' only")
    return name


def _check_examples(examples: tuple[str, ...]) -> tuple[str, ...]:
    if not examples or not all(example.strip() for example in examples):
        raise ValueError(
            "a category needs at least one example query and no empty one; write one as a user would type it"
        )
    return examples


def _check_cue(cue: str) -> str:
    if is_pattern(cue):
        try:
            re.compile(cue[1:-1])
        except re.error as error:
            raise ValueError(f"{cue!r} is no regular expression ({error}); correct it or drop the slashes") from error
    elif not re.search(r"\w", cue):
        raise ValueError(f"{cue!r} holds no word; write a word, a phrase or a /regular expression/")
    return cue


class Category(Strict):
    """[[categories]]: one kind of request, with what it looks like."""

    name: Annotated[str, AfterValidator(_check_name)]
    description: str
    examples: Annotated[tuple[str, ...], AfterValidator(_check_examples)]
    cues: tuple[Annotated[str, AfterValidator(_check_cue)], ...] = ()


def _check_categories(categories: tuple[Category, ...]) -> tuple[Category, ...]:
    if not categories:
        raise ValueError("a taxonomy needs at least one category; add a [[categories]] table")
    names = [category.name for category in categories]
    for index, name in enumerate(names):
        if name in names[:index]:
            error = PydanticCustomError("duplicate", f"two categories are named {name!r}; rename or remove one")
            # Raised as a validation error so that it carries its place, from which the line is found.
            details = InitErrorDetails(type=error, loc=(index, "name"), input=name)
            raise ValidationError.from_exception_data("categories", [details])
    return categories


class TaxonomyFile(Strict):
    """A taxonomy file as a whole."""

    categories: Annotated[tuple[Category, ...], AfterValidator(_check_categories)]


def shipped_categories() -> tuple[Category, ...]:
    """Read the categories that come with the package."""
    return read_toml(Path(__file__).with_name("taxonomy.toml"), TaxonomyFile).categories


def load_categories(path: Path | None, mode: Literal["extend", "replace"]) -> tuple[Category, ...]:
    """Read a user's file into or instead of the shipped one; raise `ConfigError` when it is wrong.

    When extending, a category named like a shipped one takes its place.
    """
    if path is None:
        return shipped_categories()
    own = read_toml(path, TaxonomyFile).categories
    if mode == "replace":
        return own
    return tuple(({c.name: c for c in shipped_categories()} | {c.name: c for c in own}).values())


def category_names(path: Path | None, mode: Literal["extend", "replace"]) -> tuple[str, ...]:
    """Return every name that a request's category may have; raise `ConfigError` like `load_categories`."""
    return (*(category.name for category in load_categories(path, mode)), OTHER)
