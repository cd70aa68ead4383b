"""Fixed policies to hold others against: each model by itself, and the hand-tuned cascade; it evaluates none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from bandit_router.policy.spec import FixedCascadeSpec, Spec, StaticSpec
from bandit_router.replay.record import Record
from bandit_router.replay.targets import Target

_LOOKED_AT: Final = 1000
_MODELS: Final = 6
"""So many, those most often chosen from: a page with more bars is none that anybody reads."""


def references(records: Iterable[Record], *, taken: Sequence[str]) -> list[Target]:
    """Return the references for a log, by its first decisions: its models from cheap to dear, then the cascade.

    Names in `taken` are left to whoever has them.
    """
    offered: Counter[tuple[int, str]] = Counter()
    for record in islice(records, _LOOKED_AT):
        offered.update((action.tier, action.model) for action in record.decision.step.actions if not action.fuses)
    common = sorted(found for found, _ in offered.most_common(_MODELS))
    # Models are named as their providers please, policies are not; hence a name of the page's own beside the spec's.
    specs: dict[str, Spec] = {
        f"always {model}": StaticSpec(kind="static", name="reference", model=model, tier=tier) for tier, model in common
    }
    if len(common) > 1:
        specs["fixed cascade"] = FixedCascadeSpec(kind="fixed_cascade", name="reference")
    return [Target(name=name, kind=spec.kind, specs={name: spec}) for name, spec in specs.items() if name not in taken]
