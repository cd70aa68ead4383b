"""What a running service consists of; it is built elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bandit_router.aside import Aside
from bandit_router.bootstrap.learning import Learned
from bandit_router.bootstrap.parts import Parts
from bandit_router.bootstrap.stores import Stores
from bandit_router.judge.watch import Watch
from bandit_router.learner import Learner, Schedule
from bandit_router.registry.breaker import Breaker
from bandit_router.registry.catalog import Catalog
from bandit_router.registry.drift import NAME as DRIFT
from bandit_router.registry.drift import Drift
from bandit_router.registry.offered import Offered
from bandit_router.registry.watch_file import FileWatch
from bandit_router.router import Router
from bandit_router.steward import Steward


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a running service consists of."""

    parts: Parts
    stores: Stores
    learned: Learned
    offered: Offered
    breaker: Breaker
    file: FileWatch | None
    router: Router
    aside: Aside
    learner: Learner
    steward: Steward
    watch: Watch
    schedule: Schedule

    @property
    def catalog(self) -> Catalog:
        """The models on offer right now."""
        return self.offered.catalog

    @property
    def drift(self) -> Drift:
        """What has been learned of how models change."""
        return self.learned.drifts.get(DRIFT)

    async def close(self) -> None:
        """Stop the jobs, drain the log and let go of the lease and of connections."""
        await asyncio.to_thread(self.schedule.stop)  # first: its jobs start what is run aside
        await self.aside.close()
        await asyncio.to_thread(self.learner.close)
        await asyncio.to_thread(self.stores.log.close)
        await self.parts.provider.aclose()
        self.stores.engine.dispose()
