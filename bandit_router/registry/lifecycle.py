"""The states of a model and what moves it from one to the next; pure rules, which call and store nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from bandit_router.errors import BadRequest
from bandit_router.registry.drift import EVERY_MODEL, Change
from bandit_router.registry.identity import Replaced
from bandit_router.registry.probation import Conclusion
from bandit_router.types import ModelEvent, ModelRecord, ModelState

FILE_REASON: Final = "taken out of router.toml"
NOT_LET_IN: Final[frozenset[ModelState]] = frozenset({"candidate", "probing"})
"""States of models that no user's request may go to yet."""
VERSION: Final = "its provider answers with another version"
PROBED: Final = "could win, waits for approval"
"""Why a model is still `probing` that is probed no more."""


def to_probe(record: ModelRecord) -> bool:
    """Tell whether a model is to be probed: a newcomer, or one whose answers or version changed."""
    if record.state == "probing":
        return record.reason != PROBED
    return record.state == "degraded" or (record.state == "active" and record.reason == VERSION)


def arrived(name: str, record: ModelRecord | None, *, now: datetime, probed: bool = False) -> ModelEvent | None:
    """Return the event of a model that router.toml names; None when it is known, or an operator retired it.

    One that is new is a candidate where newcomers are `probed`, one that comes back is active, and trusted less.
    """
    if record is not None and (record.state != "retired" or record.reason != FILE_REASON):
        return None
    return ModelEvent(
        model=name,
        at=now,
        before=record.state if record else None,
        state="candidate" if probed and record is None else "active",
        reason="named in router.toml",
        key=None if record else f"named {name}",
        changed=record is not None,
    )


def gone(record: ModelRecord, *, now: datetime) -> ModelEvent | None:
    """Return the event of a model that router.toml names no longer; None when it is retired, or was added as well."""
    if record.state == "retired" or record.entry:
        return None
    return ModelEvent(model=record.name, at=now, before=record.state, state="retired", reason=FILE_REASON)


def added(name: str, record: ModelRecord | None, *, now: datetime, reason: str, probed: bool = False) -> ModelEvent:
    """Return the event of a model that is added, or changed; one not offered so far is a candidate where `probed`.

    What was learned of one that was retired is trusted less from then on: it may be another by now.
    """
    before = record.state if record else None
    state: ModelState = before if before and before != "retired" else "candidate" if probed else "active"
    numbers = dict(record.numbers) if record and state == "degraded" else {}
    return ModelEvent(
        model=name, at=now, before=before, state=state, reason=reason, numbers=numbers, changed=before == "retired"
    )


def retired(record: ModelRecord, *, now: datetime, reason: str) -> ModelEvent:
    """Return the event of a model that an operator takes out; raise `BadRequest` when it is out already."""
    if record.state == "retired":
        raise BadRequest(f"{record.name!r} is retired already, since {record.since:%Y-%m-%d %H:%M} ({record.reason})")
    return ModelEvent(model=record.name, at=now, before=record.state, state="retired", reason=reason)


def readmitted(record: ModelRecord, *, now: datetime, reason: str) -> ModelEvent:
    """Return the event of a model taken back by an operator; raise `BadRequest` when nothing is held against it.

    What was learned of one that was retired is trusted less: nobody looked meanwhile. Of one that is degraded it is so
    since the alarm.
    """
    if record.state == "active":
        raise BadRequest(f"{record.name!r} is active already")
    if record.state in NOT_LET_IN:
        raise BadRequest(f"{record.name!r} is {record.state}; approve it to let it in")
    aged = record.state == "retired"
    return ModelEvent(model=record.name, at=now, before=record.state, state="active", reason=reason, changed=aged)


def approved(record: ModelRecord, *, now: datetime, reason: str) -> ModelEvent:
    """Return the event of a newcomer that an operator lets in; raise `BadRequest` for one that is no newcomer."""
    if record.state not in NOT_LET_IN:
        raise BadRequest(f"{record.name!r} is {record.state}; only a candidate or one that is probed can be approved")
    return ModelEvent(model=record.name, at=now, before=record.state, state="active", reason=reason)


def begun(record: ModelRecord, *, now: datetime) -> ModelEvent:
    """Return the event of a candidate whose turn to be probed has come."""
    return _of_newcomer(record, "probing", now=now, reason="its probes begin")


def concluded(record: ModelRecord, found: Conclusion, *, now: datetime, manual: bool) -> ModelEvent:
    """Return the event of a newcomer that was probed; where approval is `manual`, one that could win waits for it."""
    if not found.lets_in:
        return _of_newcomer(record, "retired", now=now, reason=found.reason, numbers=found.numbers)
    if manual:
        return _of_newcomer(record, "probing", now=now, reason=PROBED, numbers=found.numbers)
    return _of_newcomer(record, "active", now=now, reason=found.reason, numbers=found.numbers)


def drifted(change: Change, records: Mapping[str, ModelRecord], *, now: datetime) -> ModelEvent:
    """Return the event of a change of quality; a model is degraded by one for the worse until it has recovered."""
    record = records.get(change.model)
    state: ModelState | None = None
    if record and change.kind == "worse" and record.state == "active":
        state = "degraded"
    if record and change.kind == "better" and record.state == "degraded" and change.seen >= halfway(record):
        state = "active"
    return ModelEvent(
        model=change.model,
        at=now,
        before=record.state if record else None,
        state=state,
        reason=f"answers got {change.kind}",
        numbers=_numbers(change),
        key=f"drift {change.model} {change.seq}",
        changed=change.model != EVERY_MODEL,
    )


def replaced(found: Replaced, records: Mapping[str, ModelRecord], *, now: datetime) -> ModelEvent:
    """Return the event of a model whose provider answers with another version: one that is used is probed again.

    One that is degraded stays so, with the numbers that say when it has recovered.
    """
    record = records.get(found.model)
    used = record is not None and record.state in ("active", "degraded")
    kept = record.numbers if record and record.state == "degraded" else {}
    return ModelEvent(
        model=found.model,
        at=now,
        before=record.state if record else None,
        state=record.state if record and used else None,
        reason=VERSION,
        numbers={**kept, "was": found.was, "now": found.now, "seq": found.seq},
        key=f"version {found.model} {found.seq}",
        changed=True,
    )


def recovered(
    records: Mapping[str, ModelRecord], expected: Callable[[str], float | None], *, now: datetime
) -> Iterator[ModelEvent]:
    """Yield the event of each degraded model that is, once known anew, more like before its change than after it."""
    for record in records.values():
        if record.state == "degraded" and "expected" in record.numbers:
            quality = expected(record.name)
            if quality is not None and quality >= halfway(record):
                yield ModelEvent(
                    model=record.name,
                    at=now,
                    before="degraded",
                    state="active",
                    reason="answers are as good as before",
                    numbers={"quality": quality},
                    key=f"recovered {record.name} {record.since.isoformat()}",
                )


def halfway(record: ModelRecord) -> float:
    """Return the quality in the middle of before and after the change that degraded a model."""
    numbers = record.numbers
    return (float(numbers.get("expected", 1.0)) + float(numbers.get("seen", 0.0))) / 2


def _of_newcomer(
    record: ModelRecord, state: ModelState, *, now: datetime, reason: str, numbers: Mapping[str, object] | None = None
) -> ModelEvent:
    return ModelEvent(
        model=record.name,
        at=now,
        before=record.state,
        state=state,
        reason=reason,
        numbers=numbers or {},
        key=f"{record.state} {record.name} {record.since.isoformat()}",
    )


def _numbers(change: Change) -> dict[str, object]:
    return {
        "expected": round(change.expected, 4),
        "seen": round(change.seen, 4),
        "uses": change.uses,
        "category": change.category,
        "seq": change.seq,
    }
