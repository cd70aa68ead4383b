"""The catalog as it is right now: the models of router.toml and those added since, but the retired; it calls none.

Reading it is one attribute access, so a request keeps the catalog it began with: what is retired meanwhile is drained.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from pydantic import ValidationError

from bandit_router.errors import BadRequest, ConfigError, StoreUnavailable, UnknownModel
from bandit_router.registry.catalog import Catalog, PriceList, build_catalog
from bandit_router.registry.lifecycle import FILE_REASON, NOT_LET_IN, arrived, gone
from bandit_router.registry.reprice import REPRICED, Prices, followed
from bandit_router.settings import ModelSettings
from bandit_router.types import ListPrice, ModelEvent, ModelRecord

log = logging.getLogger(__name__)


class Records(Protocol):
    """What is kept of models in the database."""

    def records(self) -> Sequence[ModelRecord]:
        """Return every model that ever had a state."""

    def head(self) -> int:
        """Return the number of the newest event."""

    def noted(self, reason: str) -> Sequence[ModelEvent]:
        """Return every event that was entered for a reason, the oldest first."""

    def note(self, event: ModelEvent, *, entry: dict[str, object] | None = None) -> bool:
        """Enter an event; False when it was entered before."""


class Offered:
    """The models on offer; every process has one, and all come to the same by the database."""

    def __init__(
        self,
        entries: Sequence[ModelSettings],
        *,
        prices: PriceList,
        records: Records,
        probed: bool = False,
        taken: Collection[str] = (),
        follows: bool = False,
    ) -> None:
        """Start with the models of router.toml; raise `ConfigError`, `StoreUnavailable`.

        `probed`: whether newcomers are probed before they take requests. `taken`: the names of policies; what was added
        under one of them is left out, as requests that name the policy would all go to the model. `follows`: whether
        changes of list prices that were entered count.
        """
        self.probed, self._prices, self._taken, self._follows = probed, prices, frozenset(taken), follows
        self._entries, self._source = tuple(entries), records
        self._lock = threading.Lock()
        self._head, self._known, self._followed = -1, dict[str, ModelRecord](), dict[str, Prices]()
        self._catalog = self._waiting = build_catalog(self._entries, prices)
        self._load()

    @property
    def catalog(self) -> Catalog:
        """The models that requests may use."""
        return self._catalog

    @property
    def waiting(self) -> Catalog:
        """The newcomers that no request may use yet."""
        return self._waiting

    @property
    def records(self) -> Mapping[str, ModelRecord]:
        """What is known of each model besides router.toml, the retired ones too."""
        return self._known

    @property
    def entries(self) -> Sequence[ModelSettings]:
        """Every model that router.toml names or that was added, whatever its state."""
        added = [_entry(record) for record in self._known.values() if record.entry]
        return [*self._entries, *(entry for entry in added if entry)]

    def record(self, name: str) -> ModelRecord:
        """Return what is known of a model; raise `UnknownModel`."""
        found = self._known.get(name)
        if found is None:
            raise UnknownModel(name, self._known)
        return found

    def price(self, target: str, /) -> ListPrice | None:
        """Return what the price list says of a target, as it is known now; None when it is not in it."""
        listed, changed = self._prices(target), self._followed.get(target)
        if listed is None or changed is None:
            return listed
        return replace(listed, input_usd_per_token=changed[0], output_usd_per_token=changed[1])

    def refresh(self) -> bool:
        """Take up what changed in the database; a failure leaves all as it was."""
        try:
            return self._source.head() != self._head and self._load()
        except StoreUnavailable as error:
            log.warning("the models stay as they are: %s", error)
            return False

    def introduce(self, now: datetime) -> None:
        """Enter the models of router.toml that have no state yet, or that had been taken out of it.

        Where none is active yet, as at a service's first start, they are not probed: there is nothing to compare with.
        """
        probed = self.probed and self._any_active()
        for entry in self._entries:
            fresh = probed and entry.through is None
            event = arrived(entry.name, self._known.get(entry.name), now=now, probed=fresh)
            if event:
                self._source.note(event)
        self.refresh()

    def reload(self, entries: Sequence[ModelSettings], *, now: datetime) -> None:
        """Offer what router.toml says now and retire what was taken out of it; on `ConfigError` nothing changes."""
        build_catalog(entries, self.price)
        removed = {entry.name for entry in self._entries} - {entry.name for entry in entries}
        self._entries = tuple(entries)
        self._load()
        self.introduce(now)
        for name in sorted(removed & self._known.keys()):
            event = gone(self._known[name], now=now)
            if event:
                self._source.note(event)
        self.refresh()
        log.info("router.toml was read again: %s model(s) are offered", len(self._catalog.models))

    def add(self, entry: ModelSettings, event: ModelEvent) -> None:
        """Add a model, or change one that was added; raise `BadRequest` when it cannot be."""
        if entry.name in self._taken:
            raise BadRequest(f"a policy is named {entry.name!r}; give the model another name", param="name")
        if any(entry.name == each.name for each in self._entries):
            raise BadRequest(f"{entry.name!r} is in router.toml; change it there: it is read again by itself")
        try:
            self._built([*self._active(), entry])
        except ConfigError as error:
            raise BadRequest(str(error)) from error
        self._source.note(event, entry=entry.model_dump(mode="json", exclude_unset=True))
        self.refresh()

    def change(self, event: ModelEvent) -> bool:
        """Enter an event of a model that is there; False when it was entered before."""
        new = self._source.note(event)
        self.refresh()
        return new

    def _load(self) -> bool:
        with self._lock:
            head = self._source.head()
            self._known = {record.name: record for record in self._source.records()}
            self._followed = dict(followed(self._source.noted(REPRICED))) if self._follows else {}
            for name in sorted(self._taken & self._known.keys()):
                log.error("model %s is left out: a policy has its name; add it under another and retire this", name)
            entries = self._active()
            shut = {entry.name for entry in entries if self._is_shut(entry)}
            # By themselves, so that who waits moves nobody's tier.
            self._catalog = self._tolerant([entry for entry in entries if entry.name not in shut])
            waiting = self._tolerant(entries).models if shut else ()
            self._waiting = Catalog(tuple(model for model in waiting if model.name in shut))
            self._head = head
        return True

    def _is_shut(self, entry: ModelSettings) -> bool:
        """Tell whether no request may use a model yet; router.toml may name one before its state is entered."""
        record = self._known.get(entry.name)
        if record is None:
            return self.probed and entry.through is None and self._any_active()
        return record.state in NOT_LET_IN

    def _any_active(self) -> bool:
        """Tell whether there is a model that may answer by itself and is known to be let in."""
        states = {name: record.state for name, record in self._known.items()}
        return any(
            entry.through is None and entry.name in states and states[entry.name] not in NOT_LET_IN
            for entry in self._active()
        )

    def _active(self) -> list[ModelSettings]:
        """Return the entries of what is not retired, those of router.toml first."""
        names = {entry.name for entry in self._entries}
        added = [
            _entry(record) for name, record in self._known.items() if record.entry and name not in names | self._taken
        ]
        retired = {name for name, record in self._known.items() if record.state == "retired"}
        retired -= {name for name in names if name in self._known and self._known[name].reason == FILE_REASON}
        return [entry for entry in (*self._entries, *(each for each in added if each)) if entry.name not in retired]

    def _tolerant(self, entries: Sequence[ModelSettings]) -> Catalog:
        """Return a catalog; what was added and cannot be offered here is left out, and said so."""
        try:
            return self._built(entries)
        except ConfigError as error:
            log.error("models that were added at run time are left out: %s", error)
            own = {entry.name for entry in self._entries}
            return self._built([entry for entry in entries if entry.name in own])

    def _built(self, entries: Sequence[ModelSettings]) -> Catalog:
        chats = {entry.name for entry in entries if entry.kind == "chat"}
        return build_catalog([each for each in entries if each.through is None or each.through in chats], self.price)


def _entry(record: ModelRecord) -> ModelSettings | None:
    try:
        return ModelSettings.model_validate(record.entry)
    except ValidationError as error:
        log.error("model %s is left out, its entry cannot be read: %s", record.name, error.errors()[0]["msg"])
        return None
