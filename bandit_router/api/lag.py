"""Reads where each learning policy stands; it teaches none."""

from __future__ import annotations

from sqlalchemy import func, select, tuple_

from bandit_router.api.metrics import Learning
from bandit_router.bootstrap import Services, make_switch
from bandit_router.store.events import Lag
from bandit_router.store.session import reading
from bandit_router.store.tables import versions
from bandit_router.switch import Standing


def learning(services: Services) -> list[Learning]:
    """Return it for every learning policy; raise `StoreUnavailable`."""
    # Only the cursor is asked for: a version's artifact can be megabytes. That of the newest version may be lower than
    # others: a policy whose spec has changed learns the journal again.
    newest = select(versions.c.policy, func.max(versions.c.number)).group_by(versions.c.policy)
    query = select(versions.c.policy, versions.c.cursor).where(tuple_(versions.c.policy, versions.c.number).in_(newest))
    with reading(services.stores.engine) as connection:
        cursors = {row.policy: int(row.cursor) for row in connection.execute(query)}
    now, events, numbers = services.router.now(), services.stores.events, services.learned.policies.numbers
    lags = {name: events.lag(cursors.get(name, 0), now=now) for name in numbers}
    standings = {each.policy: each for each in make_switch(services.parts.settings, services.stores.engine).standings()}
    return [_where(name, number, lags[name], standings.get(name)) for name, number in numbers.items()]


def _where(name: str, number: int, lag: Lag, standing: Standing | None) -> Learning:
    last = standing.last if standing else None
    return Learning(
        policy=name,
        version=number,
        newest=standing.newest if standing else 0,
        pinned=bool(standing and standing.pinned),
        refused=last is not None and last.kind == "refused",
        difference=last.numbers if last else {},
        lag_events=lag.events,
        lag_seconds=lag.seconds,
    )
