"""Finds models that configured providers offer and nobody has named, and enters them as candidates; it calls none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from pydantic import ValidationError

from bandit_router.errors import BadRequest, ProviderError, StoreUnavailable
from bandit_router.registry.lifecycle import added
from bandit_router.registry.offered import Offered
from bandit_router.settings import ModelSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where models are called: the provider in litellm's notation, and the address and key where they are given."""

    provider: str
    api_base: str | None = None
    api_key_env: str | None = None


@dataclass(slots=True, kw_only=True)
class Discovery:
    """Looks from time to time; `patterns` match targets (`openai/gpt-*`), `turn`: whether this process is to look."""

    offered: Offered
    patterns: Sequence[str]
    listed: Callable[[Endpoint], Collection[str] | None]
    """Returns the ids that an endpoint lists, None when it has no list; raises `ProviderError`, and blocks."""
    chats: Callable[[], Collection[str]]
    """Returns the targets of all chat models of the public price list."""
    taken: Callable[[], Collection[str]]
    """Returns the names that stand for something else in requests."""
    turn: Callable[[], bool]
    now: Callable[[], datetime]

    def look(self) -> None:
        """Enter what is new; what goes wrong is logged and disturbs nothing else."""
        try:
            if not self.turn():
                return
            chats = self.chats()
            for endpoint in endpoints(self.offered.entries):
                for target in sorted(self._targets(endpoint, chats)):
                    self._enter(endpoint, target)
        except StoreUnavailable as error:
            log.warning("no new models are looked for now: %s", error)

    def _targets(self, endpoint: Endpoint, chats: Collection[str]) -> Iterator[str]:
        """Yield the targets of an endpoint that are wanted, chat models with a known price."""
        try:
            ids = self.listed(endpoint)
        except ProviderError as error:
            log.warning("the models of %s could not be listed: %s", endpoint.api_base or endpoint.provider, error)
            return
        own = f"{endpoint.provider}/"
        found = {target for target in chats if target.startswith(own)}
        if ids is not None:
            found &= {own + id for id in ids}
        for target in found:
            if any(fnmatchcase(target, pattern) for pattern in self.patterns):
                yield target

    def _enter(self, endpoint: Endpoint, target: str) -> None:
        known = self.offered.entries
        if any((entry.target, entry.api_base) == (target, endpoint.api_base) for entry in known):
            return
        bare = target.partition("/")[2]
        names = {entry.name for entry in known} | set(self.taken())
        given: dict[str, Any] = {"name": target if bare in names else bare, "target": target}
        given |= {"api_base": endpoint.api_base, "api_key_env": endpoint.api_key_env}
        try:
            entry = ModelSettings.model_validate({key: value for key, value in given.items() if value is not None})
            reason = f"found at {endpoint.api_base or endpoint.provider}"
            self.offered.add(entry, added(entry.name, None, now=self.now(), reason=reason, probed=True))
        except (BadRequest, ValidationError) as error:
            log.warning("%s was found and cannot be entered: %s", target, error)
            return
        log.info("%s was found and is a candidate", target)


def endpoints(entries: Iterable[ModelSettings]) -> list[Endpoint]:
    """Return where the models that are named are called, each place once."""
    found = [
        Endpoint(provider=entry.target.partition("/")[0], api_base=entry.api_base, api_key_env=entry.api_key_env)
        for entry in entries
        if "/" in entry.target
    ]
    return list(dict.fromkeys(found))
