"""The policies being served: swaps in new versions as they are published, and keeps the last good ones otherwise."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from bandit_router.errors import CorruptArtifact, StoreUnavailable, UnknownPolicy
from bandit_router.protocols import Policy
from bandit_router.types import Version

log = logging.getLogger(__name__)

Build = Callable[[Mapping[str, Version]], Mapping[str, Policy]]
"""Builds every policy from the newest versions of the learning ones."""


class PublishedVersions(Protocol):
    """Where versions are published."""

    def latest(self, policy: str, /) -> Version | None:
        """Return the newest sound version, or None."""

    def newest_number(self, policies: Sequence[str], /) -> Mapping[str, int]:
        """Return the newest number of each policy that has one."""


class LivePolicies:
    """Policies by name; reading is one attribute access, so a request keeps what it started with."""

    def __init__(self, *, learning: Sequence[str], versions: PublishedVersions, build: Build) -> None:
        self._learning = tuple(learning)
        self._versions = versions
        self._build = build
        self._numbers: Mapping[str, int] = {}
        self._policies: Mapping[str, Policy] = {}
        self._swap(versions.newest_number(self._learning))

    def get(self, name: str, /) -> Policy:
        """Return the current version of a policy; raise `UnknownPolicy`."""
        try:
            return self._policies[name]
        except KeyError:
            raise UnknownPolicy(name, self._policies) from None

    def names(self) -> tuple[str, ...]:
        """Return every policy's name."""
        return tuple(self._policies)

    @property
    def numbers(self) -> Mapping[str, int]:
        """The version number served of each learning policy; 0 before the first."""
        return {name: self._numbers.get(name, 0) for name in self._learning}

    def refresh(self) -> bool:
        """Swap in what has been published since; return whether anything was. A failure leaves all as it was."""
        try:
            numbers = self._versions.newest_number(self._learning)
            if dict(numbers) == dict(self._numbers):
                return False
            self._swap(numbers)
        except (StoreUnavailable, CorruptArtifact) as error:
            log.warning("policies stay as they are: %s", error)
            return False
        return True

    def _swap(self, numbers: Mapping[str, int]) -> None:
        found = {name: version for name in numbers if (version := self._versions.latest(name))}
        self._policies = dict(self._build(found))
        self._numbers = dict(numbers)
