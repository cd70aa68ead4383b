"""Reads Vowpal Wabbit's decision-service JSON, joined with rewards; it has propensities and no dollars."""

from __future__ import annotations

from typing import Any, Final

from bandit_router.replay.foreign import fields
from bandit_router.replay.foreign.entry import UNKNOWN, Entry
from bandit_router.replay.foreign.fields import Object
from bandit_router.replay.foreign.openai import check
from bandit_router.types import Action

_ROUNDING: Final = 1e-4


class Lines:
    """Reads line after line: what was left out of a log must have been left out evenly."""

    def __init__(self) -> None:
        self._dropped: float | None = None

    def entry(self, raw: Object, number: int) -> Entry:
        """Return the entry of a line; raise ValueError, also where lines like it had another chance to be kept."""
        dropped = fields.share(raw, "pdrop") or 0.0
        if self._dropped not in (None, dropped):
            raise ValueError(
                f"'pdrop' is {dropped:g}, and it was {self._dropped:g} before: some lines stand for more than others; "
                "split the log where it changes"
            )
        self._dropped = dropped
        return entry(raw, number)


def entry(raw: Object, number: int) -> Entry:
    """Return the entry of a line: the reward is the cost turned round, in [0, 1]; raise ValueError."""
    taken, probs = raw.get("a"), raw.get("p")
    if not isinstance(taken, list) or not isinstance(probs, list) or len(taken) != len(probs) or not taken:
        raise ValueError("'a' and 'p' must be lists of the same length: the actions and their probabilities")
    context = fields.inner(raw, "c")
    offered = context.get("_multi")
    names = {place: _name(offered, place) for place in taken}
    if len(names) < len(taken):
        raise ValueError(f"'a' is {taken!r}; it must name every action once")
    cost = raw.get("_label_cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not -1 <= cost <= 0:
        raise ValueError(f"'_label_cost' is {cost!r}; rewards must lie in [0, 1], so costs in [-1, 0]")
    label = raw.get("_label_Action", taken[0])
    if label not in taken:
        raise ValueError(f"'_label_Action' is {label!r}, which is not in 'a'")
    chances = dict(zip(taken, check(probs, "'p'"), strict=True))
    if chances[label] <= 0:
        raise ValueError("'p' gives what was done no chance")
    said = fields.share(raw, "_label_probability")
    if said is not None and abs(said - chances[label]) > _ROUNDING:
        raise ValueError(
            f"'_label_probability' is {said:g}, and 'p' gives what was done {chances[label]:g}; which is it?"
        )
    # What was drawn stands first in 'a': in their own order, and of one tier, the actions do not tell what was done.
    places = sorted(chances)
    return Entry(
        id=fields.text(raw, "EventId", default=f"row-{number}"),
        at=fields.moment(raw, "Timestamp"),
        actions=tuple(Action(model=names[place], tier=0) for place in places),
        chosen=places.index(label),
        probs=tuple(chances[place] for place in places),
        category=_category(context),
        surface=dict(_numbers(context)),
        score=-float(cost) + 0.0,
    )


def _name(offered: Any, place: Any) -> str:
    """Return the action's own id or tag, else `action-N` by its 1-based place."""
    if not isinstance(place, int) or isinstance(place, bool) or place < 1:
        raise ValueError(f"'a' holds {place!r}; it must hold places from 1")
    if isinstance(offered, list) and place <= len(offered) and isinstance(offered[place - 1], dict):
        for key in ("id", "_tag", "model"):
            if isinstance(offered[place - 1].get(key), str):
                return str(offered[place - 1][key])
    return f"action-{place}"


def _category(context: Object) -> str:
    """Return the texts shared by all actions, joined: what a policy could tell requests apart by."""
    texts = [f"{name}={value}" for name, value in _shared(context) if isinstance(value, str)]
    return ",".join(sorted(texts)) or UNKNOWN


def _numbers(context: Object) -> list[tuple[str, float]]:
    return [
        (name, float(value))
        for name, value in _shared(context)
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _shared(context: Object) -> list[tuple[str, Any]]:
    return [found for space, value in context.items() if not space.startswith("_") for found in _within(space, value)]


def _within(name: str, value: Any) -> list[tuple[str, Any]]:
    """Return the values of a namespace with their names: of objects, of lists of them, and of lists of values."""
    if isinstance(value, dict):
        return [found for inner, one in value.items() for found in _within(f"{name}.{inner}", one)]
    if isinstance(value, list):
        named = ((name if isinstance(one, dict) else f"{name}.{place}", one) for place, one in enumerate(value))
        return [found for each, one in named for found in _within(each, one)]
    return [(name, value)]
