"""Reads where each learning policy stands; it teaches none."""

from __future__ import annotations

from sqlalchemy import func, select, tuple_

from bandit_router.api.metrics import Learning
from bandit_router.bootstrap import Services
from bandit_router.store.session import reading
from bandit_router.store.tables import versions


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
    return [
        Learning(policy=name, version=number, lag_events=lags[name].events, lag_seconds=lags[name].seconds)
        for name, number in numbers.items()
    ]
