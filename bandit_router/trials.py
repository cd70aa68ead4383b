"""The experiments of a serving process, as the events in the database have them; it analyses and changes none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bandit_router.errors import StoreUnavailable
from bandit_router.experiment.assign import Place, Running, Subject, place, policy_name
from bandit_router.experiment.history import Standing, running, standings
from bandit_router.policy.copies import copies
from bandit_router.policy.spec import Spec
from bandit_router.types import ExperimentEvent

log = logging.getLogger(__name__)


class History(Protocol):
    """Where the events of experiments are."""

    def all(self) -> Sequence[ExperimentEvent]:
        """Return every event."""

    def count(self) -> int:
        """Return how many there are."""


class Trials:
    """Every experiment there has been; placing a request reads one attribute, so a request keeps what it got."""

    def __init__(self, history: History, policies: Mapping[str, Spec]) -> None:
        self._history, self._policies = history, policies
        self._specs: Mapping[str, Spec] = policies
        self._seen = -1
        self._found: Mapping[str, Standing] = {}
        self._running: tuple[Running, ...] = ()
        self.changed: Callable[[Mapping[str, Spec]], object] = lambda _: None
        """Told of all policies there are now, those of the arms included, before any request is placed by them."""

    @property
    def found(self) -> Mapping[str, Standing]:
        """Every experiment by name, in the order of their start."""
        return self._found

    @property
    def specs(self) -> Mapping[str, Spec]:
        """The policies there are, with a copy for each arm that learns by itself."""
        return self._specs

    def place(self, subject: Subject, /, *, now: datetime) -> Place | None:
        """Return where a request belongs; None when it takes part in nothing."""
        return place(self._running, subject, now=now) if self._running else None

    def refresh(self) -> bool:
        """Take in what has happened since; return whether anything has. A failure leaves all as it was."""
        try:
            count = self._history.count()
            if count == self._seen:
                return False
            found = standings(self._history.all())
            chosen = tuple(each for each in running(found) if self._known(each))
            # The arms of what ends now go on being served till the next change: a request may just have been given one.
            before, self._specs = self._specs, _with_arms(self._policies, (*self._running, *chosen))
            try:
                self.changed(self._specs)
            except BaseException:
                self._specs = before
                raise
        except StoreUnavailable as error:
            log.warning("experiments stay as they are: %s", error)
            return False
        self._found, self._running, self._seen = found, chosen, count
        return True

    def _known(self, each: Running) -> bool:
        missing = sorted({arm.policy for arm in each.spec.arms} - self._policies.keys())
        if missing:
            log.error("experiment %s does not run here: there is no policy %s", each.spec.name, ", ".join(missing))
        return not missing


def _with_arms(policies: Mapping[str, Spec], chosen: Sequence[Running]) -> Mapping[str, Spec]:
    found = dict(policies)
    for each in chosen:
        for arm in each.spec.arms:
            if policy_name(each.spec, arm) != arm.policy:
                found |= copies(policies, arm.policy, policy_name(each.spec, arm))
    return found
