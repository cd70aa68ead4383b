"""What is served of all that is learned: swaps in new versions as they are published, else keeps the last good."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from bandit_router.errors import CorruptArtifact, StoreUnavailable, UnknownPolicy
from bandit_router.types import Version

log = logging.getLogger(__name__)

T = TypeVar("T")


class PublishedVersions(Protocol):
    """Where versions are published."""

    def latest(self, policy: str, /, *, below: int | None = None) -> Version | None:
        """Return the newest version, numbered under `below`, that matches its checksum, or None."""

    def newest_number(self, policies: Sequence[str], /) -> Mapping[str, int]:
        """Return the newest number of each policy that has one."""


class Live(Generic[T]):
    """Served things by name, such as policies; reading is one attribute access, so a request keeps what it got."""

    def __init__(
        self,
        *,
        learning: Sequence[str],
        versions: PublishedVersions,
        build: Callable[[Mapping[str, Version]], Mapping[str, T]],
    ) -> None:
        """`build` makes everything there is from the newest versions of those that learn."""
        self._learning = tuple(learning)
        self._versions = versions
        self._build = build
        self._seen: Mapping[str, int] = {}
        self._numbers: Mapping[str, int] = {}
        self._served: Mapping[str, T] = {}
        self._swap(versions.newest_number(self._learning))

    def get(self, name: str, /) -> T:
        """Return what is served under a name; raise `UnknownPolicy`."""
        try:
            return self._served[name]
        except KeyError:
            raise UnknownPolicy(name, self._served) from None

    def names(self) -> tuple[str, ...]:
        """Return every name."""
        return tuple(self._served)

    @property
    def numbers(self) -> Mapping[str, int]:
        """The version number served of each that learns; 0 before the first."""
        return {name: self._numbers.get(name, 0) for name in self._learning}

    def retarget(self, learning: Sequence[str], build: Callable[[Mapping[str, Version]], Mapping[str, T]]) -> None:
        """Serve from now on what `build` makes; raise `StoreUnavailable`, which leaves all as it was."""
        before = self._learning, self._build
        self._learning, self._build = tuple(learning), build
        try:
            self._swap(self._versions.newest_number(self._learning))
        except BaseException:
            self._learning, self._build = before
            raise

    def refresh(self) -> bool:
        """Swap in what has been published since; return whether anything was. A failure leaves all as it was."""
        try:
            numbers = self._versions.newest_number(self._learning)
            if dict(numbers) == dict(self._seen):
                return False
            self._swap(numbers)
        except StoreUnavailable as error:
            log.warning("policies stay as they are: %s", error)
            return False
        return True

    def _swap(self, numbers: Mapping[str, int]) -> None:
        found = {name: version for name in numbers if (version := self._versions.latest(name))}
        try:
            served = self._build(found)
        except CorruptArtifact:
            found = {name: version for name in numbers if (version := self._readable(name))}
            served = self._build(found)
        self._served = dict(served)
        self._numbers = {name: version.number for name, version in found.items()}
        self._seen = dict(numbers)

    def _readable(self, name: str) -> Version | None:
        """Return the newest version that something can be built from, None when there is none."""
        version = self._versions.latest(name)
        while version:
            try:
                self._build({name: version})
            except CorruptArtifact as error:
                log.error("version %s of %s is passed over: %s", version.number, name, error)
                version = self._versions.latest(name, below=version.number)
            else:
                return version
        return None
