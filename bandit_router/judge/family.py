"""Tells which models are of one family, and picks a grader of another; it asks none."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bandit_router.types import Model
from bandit_router.types.naming import maker_of


def family_of(model: Model) -> str:
    """Return who made a model: as configured, else by its name."""
    return model.family or maker_of(model.target)


def pick(graders: Sequence[Model], graded: Collection[Model]) -> tuple[Model, bool]:
    """Return the first grader of no family among those graded, else the first; and whether it is of such a family."""
    families = {family_of(model) for model in graded}
    stranger = next((model for model in graders if family_of(model) not in families), None)
    return (stranger, False) if stranger else (graders[0], True)
