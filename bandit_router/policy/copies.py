"""Copies of policies that learn by themselves: the same specs under names of their own; it builds none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bandit_router.policy.spec import LearningSpec, MixtureSpec, Spec


def copies(specs: Mapping[str, Spec], policy: str, name: str) -> dict[str, Spec]:
    """Return a policy's spec under another name, with those of all it is made of; what learns learns from it alone."""
    spec = specs[policy]
    names = {member: f"{name}.{member}" for _, member in spec.members}
    changes: dict[str, Any] = {"name": name}
    if isinstance(spec, LearningSpec):
        changes["learn_from"] = "own"
    if isinstance(spec, MixtureSpec):
        renamed = [each.model_copy(update={"policy": names[each.policy]}) for each in spec.components]
        changes["components"] = tuple(renamed)
    else:
        changes |= {key: names[member] for key, member in spec.members}
    found: dict[str, Spec] = {name: spec.model_copy(update=changes)}
    for member, renamed_member in names.items():
        found |= copies(specs, member, renamed_member)
    return found
