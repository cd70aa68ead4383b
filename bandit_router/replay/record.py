"""A logged decision as files hold it, and the journal that a file of them stands for; it reads and writes nothing."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bandit_router.reward.feedback import combine
from bandit_router.types import Decision, Event, Feedback, Outcome, only_signs


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Feedback with its place in the journal; without one where it came too late to be learned from."""

    seq: int | None
    feedback: Feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A finished decision with everything logged of it.

    `propensities` is False where whoever logged it did not log with what probability things were done: then the steps
    say 1 for what was done, which is no probability that anything was drawn with.
    """

    seq: int
    decision: Decision
    outcome: Outcome
    feedback: tuple[Said, ...] = ()
    propensities: bool = True
    mismatched: bool = False
    """Whether a step's propensity, as the file has it, is not its pmf's entry for what was done."""
    target_probs: tuple[tuple[str, float], ...] = field(default=())
    """(name, P(all that was done)) of policies whose probabilities the log carries along."""

    @property
    def event(self) -> Event:
        """Return the decision with all feedback that counts."""
        return self._event(self.seq, None)

    def events(self) -> Iterator[Event]:
        """Yield the events that learners saw of it: when it finished, and at each feedback after that."""
        yield self._event(self.seq, self.seq)
        for seq in sorted(said.seq for said in self.feedback if said.seq is not None and said.seq > self.seq):
            yield self._event(seq, seq)

    def _event(self, seq: int, last: int | None) -> Event:
        placed = [said for said in self.feedback if said.seq is not None and (last is None or said.seq <= last)]
        heard = [said.feedback for said in sorted(placed, key=lambda said: said.seq or 0) if not said.feedback.late]
        return Event(
            seq=seq,
            kind="finished" if seq == self.seq else "feedback",
            decision=self.decision,
            outcome=self.outcome,
            feedback=combine(heard, self.outcome.quality),
            signs_only=only_signs(heard),
            heard=tuple(heard),
        )


def journal(records: Iterable[Record]) -> Iterator[Event]:
    """Yield the events of records, which come in the order of the journal, as learners saw them.

    Only feedback still to come is held in memory.
    """
    later: list[tuple[int, Event]] = []
    for record in records:
        while later and later[0][0] < record.seq:
            yield heapq.heappop(later)[1]
        first, *rest = record.events()
        yield first
        for event in rest:
            heapq.heappush(later, (event.seq, event))
    while later:
        yield heapq.heappop(later)[1]
