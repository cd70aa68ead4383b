"""Follows the public price list for models that have no price of their own; it fetches none and calls no model."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from bandit_router.errors import ProviderError, StoreUnavailable
from bandit_router.settings import ModelSettings
from bandit_router.types import ListPrice, ModelEvent

if TYPE_CHECKING:
    from bandit_router.registry.offered import Offered

log = logging.getLogger(__name__)

REPRICED: Final = "its list price changed"
JUMP: Final = 1000.0
"""A price that is so many times another is taken for a slip of the list, as one is that came down to nothing."""
MOST_USD: Final = 0.001
"""For a token, of what cost nothing before."""
SAME: Final = 1e-9
"""Prices that differ by no more than this share are the same."""
PER_MILLION: Final = 1_000_000.0
_NOW: Final = ("input_usd_per_million", "output_usd_per_million")

Prices = tuple[float, float]
"""Of prompt and of answer, in USD per token."""


@dataclass(slots=True, kw_only=True)
class Repricing:
    """Looks from time to time; `turn` says whether this process is to, `tell` posts an event somewhere."""

    offered: Offered
    fetched: Callable[[], Callable[[str], ListPrice | None]]
    """Returns the list as it is now, by target; raises `ProviderError`, and blocks."""
    turn: Callable[[], bool]
    tell: Callable[[ModelEvent], None]
    now: Callable[[], datetime]

    def look(self) -> None:
        """Enter every price that changed; what goes wrong is logged, and leaves prices as they are."""
        try:
            if not self.turn():
                return
            for event in list(self._changes(self.fetched())):
                self.offered.change(event)
                log.warning("model %s: %s %s", event.model, event.reason, dict(event.numbers))
                self.tell(event)
        except (ProviderError, StoreUnavailable) as error:
            log.warning("list prices stay as they are: %s", error)

    def _changes(self, listed: Callable[[str], ListPrice | None]) -> Iterator[ModelEvent]:
        for entry in self.offered.entries:
            record, old, new = self.offered.records.get(entry.name), self.offered.price(entry.target), None
            if record and record.state != "retired" and old:
                new = listed(entry.target)
            if old and new and _differs(entry, _of(old), _of(new)):
                if all(map(is_believable, _of(old), _of(new))):
                    yield repriced(entry, _of(old), _of(new), now=self.now())
                else:
                    log.warning("a price of %s is not believed: %s, after %s", entry.name, _of(new), _of(old))


def is_believable(old: float, new: float) -> bool:
    """Tell whether a price can have become another."""
    if not math.isfinite(new) or new < 0:
        return False
    return new <= MOST_USD if old == 0 else 1 / JUMP < new / old < JUMP


def repriced(entry: ModelSettings, old: Prices, new: Prices, *, now: datetime) -> ModelEvent:
    """Return the event of a model whose list price changed, with both prices in USD per million tokens."""
    million = [float(f"{price * PER_MILLION:.12g}") for price in (*old, *new)]
    named = ("input_usd_per_million_was", "output_usd_per_million_was", *_NOW)
    return ModelEvent(
        model=entry.name,
        at=now,
        reason=REPRICED,
        numbers={"target": entry.target, **dict(zip(named, million, strict=True))},
        key=f"price {entry.name} {now.isoformat()}",
    )


def followed(events: Sequence[ModelEvent]) -> Mapping[str, Prices]:
    """Return the newest prices by target, from the events of changed prices in the order entered."""
    found: dict[str, Prices] = {}
    for event in events:
        price_in, price_out = (float(event.numbers[name]) / PER_MILLION for name in _NOW)
        found[str(event.numbers["target"])] = price_in, price_out
    return found


def _of(price: ListPrice) -> Prices:
    return price.input_usd_per_token, price.output_usd_per_token


def _differs(entry: ModelSettings, old: Prices, new: Prices) -> bool:
    """Tell whether a price changed that is not given with the model."""
    given = (entry.input_usd_per_million, entry.output_usd_per_million)
    return any(
        own is None and not math.isclose(before, after, rel_tol=SAME)
        for own, before, after in zip(given, old, new, strict=True)
    )
