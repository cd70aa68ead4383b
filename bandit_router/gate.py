"""Decides which published version of a policy serves: one that replay rules worse than what serves is held back.

It looks in a thread of its own, never in a request, and for at most a tenth of a processor's time. Where a model has
changed it looks at once, by what has been decided since: all before speaks for what is no longer so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from bandit_router.errors import CorruptArtifact, PromotionConflict, RouterError
from bandit_router.types import Promotion, PromotionKind, Serving, Version

log = logging.getLogger(__name__)

AUTOMATIC: Final = "gate"
"""Who decided when nobody did."""
_SHARE: Final = 0.1
"""Of a processor's time, for each policy that decides: after a look that took a second of it the next one comes nine
later. What it took by the clock says how busy the machine is, and a busy machine must not be slow to learn."""
_IDLE_SHARE: Final = 0.01
"""The same for one that decides nothing at present, so that one that is called for is up to date, and was looked at."""


class Estimated(Protocol):
    """An estimate of a difference."""

    @property
    def value(self) -> float:
        """Return how much more the candidate earns."""

    @property
    def low(self) -> float:
        """Return the lower end."""

    @property
    def high(self) -> float:
        """Return the upper end."""

    @property
    def ess(self) -> float:
        """Return how many rows it rests on in effect."""


class Compared(Protocol):
    """What a replay of two versions came to."""

    @property
    def decisions(self) -> int:
        """Return how many recent decisions there were."""

    @property
    def difference(self) -> Estimated | None:
        """Return how much more the candidate earns; None where that cannot be told."""

    @property
    def why(self) -> str:
        """Return why it cannot."""

    @property
    def worse(self) -> bool:
        """Return whether the candidate is ruled worse."""


class Recent(Protocol):
    """What happened of late."""

    def last_change(self) -> int:
        """Return which change of a model was the last one lately, 0 when there was none."""

    def deciding(self) -> Container[str]:
        """Return the policies by which anything was decided lately, those within others included."""


class Newest(Protocol):
    """The published versions."""

    def latest(self, policy: str, /, *, below: int | None = None) -> Version | None:
        """Return the newest version, numbered under `below`, that matches its checksum, or None."""

    def newest_number(self, policies: Sequence[str], /) -> Mapping[str, int]:
        """Return the newest number of each policy that has one."""


class Promotions(Protocol):
    """What serves, and every decision on it."""

    def serving(self, policies: Sequence[str] | None = None, /) -> Mapping[str, Serving]:
        """Return what was decided of each policy of which anything was."""

    def note(self, decision: Promotion, /) -> None:
        """Enter a decision; raise `PromotionConflict` where somebody else decided meanwhile."""


Replay = Callable[[Version, Version], Compared]
"""Compares a candidate with what serves on recent decisions; raises `CorruptArtifact` where one cannot be read."""


@dataclass(slots=True, kw_only=True)
class Gate:
    """Looks at what was published of each policy of `hashes`, its name with the hash of its spec.

    `turn` says whether this process is to; `clock` gives seconds that only grow, `effort` the seconds of a processor
    that this thread has had.
    """

    hashes: Callable[[], Mapping[str, str]]
    versions: Newest
    promotions: Promotions
    recent: Recent
    replay: Replay
    turn: Callable[[], bool]
    now: Callable[[], datetime]
    clock: Callable[[], float]
    effort: Callable[[], float]
    _change: int = 0
    _looks: dict[str, tuple[float, float]] = field(default_factory=dict)
    """When the last look at a policy ended, by the clock, and what it took."""
    _looked: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    """The newest version when a policy was last looked at, and what served: the same two are not compared twice."""

    def tick_safely(self) -> None:
        """Tick, and log what goes wrong: the scheduler's job must go on, and what serves goes on serving."""
        try:
            self.tick()
        except RouterError as error:
            log.warning("the gate waits: %s", error)
        except Exception:
            log.exception("the gate failed; the next look starts afresh")

    def tick(self) -> None:
        """Look at every policy of which something new was published."""
        if not self.turn():
            return
        self._look_at_once_after_a_change()
        hashes = self.hashes()
        newest, serving = self.versions.newest_number(tuple(hashes)), self.promotions.serving(tuple(hashes))
        for name, number in newest.items():
            chosen = serving.get(name)
            done = chosen is not None and (chosen.pinned or chosen.number >= number)
            pair = number, chosen.number if chosen else None
            if done or self._looked.get(name) == pair or self._rests(name):
                continue
            before = self.effort()
            self._decide(name, chosen, hashes[name])
            self._looked[name] = pair
            self._looks[name] = self.clock(), self.effort() - before

    def _rests(self, name: str) -> bool:
        ended, took = self._looks.get(name, (0.0, 0.0))
        since = self.clock() - ended
        if since >= (1 / _IDLE_SHARE - 1) * took:
            return False
        return since < (1 / _SHARE - 1) * took or name not in self.recent.deciding()

    def _look_at_once_after_a_change(self) -> None:
        change = self.recent.last_change()
        if change > self._change:
            self._change = change
            self._looks.clear()

    def _decide(self, name: str, serving: Serving | None, spec_hash: str) -> None:
        started = self.clock()
        candidate = self.versions.latest(name)
        if candidate is None or (serving and candidate.number <= serving.number):
            return
        before = self.versions.latest(name, below=serving.number + 1) if serving else None
        usable = before is not None and serving is not None and before.number == serving.number
        if before is None or not usable or before.spec_hash != spec_hash:
            kind, reason, numbers = _unopposed(serving, before, usable=usable)
        else:
            kind, reason, numbers = self._try(candidate, before)
        decision = Promotion(
            policy=name,
            number=candidate.number,
            kind=kind,
            at=self.now(),
            by=AUTOMATIC,
            reason=reason,
            over=serving.number if serving else None,
            numbers={**numbers, "seconds": self.clock() - started},
        )
        self._enter(decision)

    def _try(self, candidate: Version, serving: Version) -> tuple[PromotionKind, str, dict[str, float]]:
        try:
            found = self.replay(candidate, serving)
        except CorruptArtifact as error:
            return "refused", f"it cannot be read: {error}", {}
        if found.difference is None:
            reason = f"recent decisions do not tell it from version {serving.number}: {found.why}"
            return "promoted", reason, {"decisions": found.decisions}
        by = found.difference
        numbers = {"value": by.value, "low": by.low, "high": by.high, "effective": by.ess, "decisions": found.decisions}
        told = (
            f"on {found.decisions:,} recent decisions it earns {by.value:+.4f} ({by.low:+.4f} to {by.high:+.4f}) a "
            f"request against version {serving.number}"
        )
        return ("refused", f"worse: {told}", numbers) if found.worse else ("promoted", told, numbers)

    def _enter(self, decision: Promotion) -> None:
        try:
            self.promotions.note(decision)
        except PromotionConflict as error:
            log.info("%s", error)  # somebody was faster; the next look starts from what they did
            return
        if decision.kind == "refused":
            log.warning("version %s of %s does not serve: %s", decision.number, decision.policy, decision.reason)


def _unopposed(
    serving: Serving | None, before: Version | None, *, usable: bool
) -> tuple[PromotionKind, str, dict[str, float]]:
    if serving is None:
        return "promoted", "the first version: nothing served before it", {}
    if serving.number and not usable:
        return "promoted", f"version {serving.number}, which served, cannot be read any more", {}
    if before is None:
        return "promoted", "nothing learned served before it", {}
    return "promoted", f"the policy's file changed: what version {before.number} learned does not fit it any more", {}
