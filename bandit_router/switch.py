"""What people do with the versions that serve: roll back, which pins, and release; the gate decides all else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bandit_router.errors import PromotionConflict, UnknownPolicy
from bandit_router.store.promotions import Promotions
from bandit_router.store.versions import Versions
from bandit_router.types import Promotion, PromotionKind, Serving

_LOOK_BACK: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One thing that learns: which version serves, the newest there is, and the last decision on it."""

    policy: str
    serving: int
    newest: int
    pinned: bool
    since: datetime | None
    last: Promotion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Chooses which version serves, over the heads of gate and learner; `gated` are the policies that pass the gate.

    `named` are the names there are, whether or not anything was learned under them.
    """

    versions: Versions
    promotions: Promotions
    gated: Callable[[], frozenset[str]]
    named: Callable[[], Iterable[str]]
    now: Callable[[], datetime]

    def standings(self) -> list[Standing]:
        """Return where everything stands that learned anything, by name."""
        newest, chosen = self.versions.numbers(), self.promotions.serving()
        return [self._standing(name, newest.get(name, 0), chosen) for name in sorted({*newest, *chosen})]

    def decisions(self, policy: str | None, *, limit: int) -> Sequence[Promotion]:
        """Return what was decided on a policy's versions, or on all, the newest first; raise `UnknownPolicy`."""
        if policy is not None:
            self.require(policy)
        return self.promotions.history(policy, limit=limit)

    def require(self, policy: str) -> None:
        """Raise `UnknownPolicy` unless there is a policy of that name, or something else that learns."""
        known = {*self.named(), *self.versions.numbers(), *self.promotions.serving()}
        if policy not in known:
            raise UnknownPolicy(policy, known)

    def rollback(self, policy: str, *, to: int | None, by: str, reason: str) -> Promotion:
        """Let a version serve until it is released: `to`, else the one that served before; 0 has learned nothing.

        Raise `UnknownPolicy`, `UnknownVersion` where its state is not there, `PromotionConflict`.
        """
        standing = self._known(policy)
        number = self._before(standing) if to is None else to
        if number:
            self.versions.numbered(policy, number)
        return self._note(standing, number, "rolled_back", by=by, reason=reason)

    def release(self, policy: str, *, by: str, reason: str) -> Promotion:
        """Let newer versions serve again, those that pass the gate where it has one; raise `PromotionConflict`."""
        standing = self._known(policy)
        if not standing.pinned:
            raise PromotionConflict(f"no version of {policy!r} is pinned; there is nothing to release")
        return self._note(standing, standing.serving, "released", by=by, reason=reason)

    def _known(self, policy: str) -> Standing:
        found = {standing.policy: standing for standing in self.standings()}
        if policy not in found:
            raise UnknownPolicy(policy, found)
        return found[policy]

    def _standing(self, name: str, newest: int, chosen: Mapping[str, Serving]) -> Standing:
        serving = chosen.get(name)
        fixed = serving if serving and (serving.pinned or name in self.gated()) else None
        last = self.promotions.history(name, limit=1)
        return Standing(
            policy=name,
            serving=fixed.number if fixed else newest,
            newest=newest,
            pinned=bool(serving and serving.pinned),
            since=fixed.since if fixed else None,
            last=last[0] if last else None,
        )

    def _before(self, standing: Standing) -> int:
        """Return the newest version before the one that serves that served once, else any that was not refused."""
        kept = [each.number for each in self.versions.kept(standing.policy) if each.number < standing.serving]
        history = self.promotions.history(standing.policy, limit=_LOOK_BACK)
        served = {each.number for each in history if each.kind != "refused"}
        refused = {each.number for each in history if each.kind == "refused"}
        for number in (*(n for n in kept if n in served), *(n for n in kept if n not in refused)):
            return number
        raise PromotionConflict(
            f"no state of {standing.policy!r} from before version {standing.serving} is kept; "
            "to serve as before anything was learned, give version 0"
        )

    def _note(self, standing: Standing, number: int, kind: PromotionKind, *, by: str, reason: str) -> Promotion:
        chosen = self.promotions.serving([standing.policy]).get(standing.policy)
        decision = Promotion(
            policy=standing.policy,
            number=number,
            kind=kind,
            at=self.now(),
            by=by,
            reason=reason,
            over=chosen.number if chosen else None,
        )
        self.promotions.note(decision)
        return decision
