"""Picks among actions by tier and price, and shapes pmfs; it knows no policy and no state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bandit_router.types import Action, Pmf


def one_hot(n: int, chosen: int) -> Pmf:
    """Return the pmf over n actions that is 1 at `chosen`."""
    return Pmf(probs=tuple(float(index == chosen) for index in range(n)))


def even(actions: Sequence[Action]) -> Pmf:
    """Return the same probability for every model; there must be one."""
    models = model_indices(actions)
    return Pmf(probs=tuple(0.0 if action.is_stop else 1 / len(models) for action in actions))


def greedy(predicted: Sequence[float | None]) -> Pmf:
    """Return 1 for the highest prediction, the first of equals, and the predictions; at least one must be known."""
    best = max(value for value in predicted if value is not None)
    return replace(one_hot(len(predicted), list(predicted).index(best)), predicted=tuple(predicted))


def stop_index(actions: Sequence[Action]) -> int | None:
    """Return where stop is among the actions, or None when there is no answer to stop with."""
    return next((index for index, action in enumerate(actions) if action.is_stop), None)


def model_indices(actions: Sequence[Action]) -> list[int]:
    """Return where the models are among the actions."""
    return [index for index, action in enumerate(actions) if not action.is_stop]


def cheapest(actions: Sequence[Action], among: Sequence[int]) -> int:
    """Return the index of the lowest expected price; ties go to the lower tier, then by name."""
    return min(among, key=lambda index: (actions[index].cost_usd, actions[index].tier, actions[index].model))


def cheapest_in(actions: Sequence[Action], tier: int) -> int | None:
    """Return the cheapest model of one tier, None when the tier has none left."""
    among = [index for index in model_indices(actions) if actions[index].tier == tier]
    return cheapest(actions, among) if among else None


def cheapest_from(actions: Sequence[Action], tier: int) -> int | None:
    """Return the cheapest model of the lowest tier that is `tier` or higher, None when there is none."""
    tiers = [actions[index].tier for index in model_indices(actions) if actions[index].tier >= tier]
    return cheapest_in(actions, min(tiers)) if tiers else None


def cheapest_below(actions: Sequence[Action], tier: int) -> int | None:
    """Return the cheapest model of the highest tier under `tier`, None when there is none."""
    tiers = [actions[index].tier for index in model_indices(actions) if actions[index].tier < tier]
    return cheapest_in(actions, max(tiers)) if tiers else None


def nearest(actions: Sequence[Action], tier: int) -> int:
    """Return the cheapest model of the lowest tier from `tier` up, else of the highest under it, else the first."""
    for found in (cheapest_from(actions, tier), cheapest_below(actions, tier)):
        if found is not None:
            return found
    return 0


def floored(pmf: Pmf, actions: Sequence[Action], share: float) -> Pmf:
    """Return (1 - share) * pmf + share * uniform over the models; all else stays."""
    models = model_indices(actions)
    if share <= 0 or not models:
        return pmf
    probs = [(1 - share) * prob for prob in pmf.probs]
    for index in models:
        probs[index] += share / len(models)
    return replace(pmf, probs=tuple(probs))
