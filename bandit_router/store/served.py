"""The versions that serve: what was decided of a policy, else its newest version; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bandit_router.store.promotions import Promotions
from bandit_router.store.versions import Versions
from bandit_router.types import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A view of the versions in which the one that serves is the newest.

    What is `gated` is served by the version last let through; anything else by its newest, unless one is pinned.
    """

    versions: Versions
    promotions: Promotions
    gated: bool

    def newest_number(self, policies: Sequence[str], /) -> Mapping[str, int]:
        """Return the number that serves of each policy that has one; cheap enough to ask every second."""
        chosen = self.promotions.serving(policies)
        fixed = {name: each.number for name, each in chosen.items() if each.pinned or self.gated}
        free = [name for name in policies if name not in fixed]
        return {**(self.versions.newest_number(free) if free else {}), **fixed}

    def latest(self, policy: str, /, *, below: int | None = None) -> Version | None:
        """Return the version that serves, or the newest sound one before it, numbered under `below`."""
        number = self.newest_number([policy]).get(policy)
        bounds = [bound for bound in (below, None if number is None else number + 1) if bound is not None]
        return self.versions.latest(policy, below=min(bounds, default=None))
