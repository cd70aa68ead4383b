"""Opens what a service keeps in its database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from bandit_router.bootstrap.parts import hints, rules
from bandit_router.judge.unsure import Unsure
from bandit_router.reward.feedback import combine
from bandit_router.settings import Settings
from bandit_router.store.append import Queueing
from bandit_router.store.events import Events
from bandit_router.store.experiments import ExperimentEvents
from bandit_router.store.keys import Keys
from bandit_router.store.log import Log
from bandit_router.store.probes import Probes
from bandit_router.store.promotions import Promotions
from bandit_router.store.recent import Recent
from bandit_router.store.reviews import Reviews
from bandit_router.store.roster import Roster
from bandit_router.store.served import Served
from bandit_router.store.session import check_schema, open_engine
from bandit_router.store.spending import Spending
from bandit_router.store.versions import Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What a service keeps, by what it is about."""

    engine: Engine
    log: Log
    events: Events
    versions: Versions
    promotions: Promotions
    experiments: ExperimentEvents
    roster: Roster
    keys: Keys
    reviews: Reviews
    spending: Spending
    probes: Probes
    recent: Recent

    @classmethod
    def open(cls, settings: Settings) -> Stores:
        """Open the database; raise `ConfigError`, `SchemaOutdated` or `StoreUnavailable`."""
        engine, log_text = open_engine(settings.store.url), settings.store.log_text
        check_schema(engine)
        return cls(
            engine=engine,
            log=Log(
                engine,
                log_text=log_text,
                queueing=_queueing(settings),
                keep_asked=settings.probing.stored_hours > 0 and settings.aside.probe_usd_per_day > 0,
            ),
            events=Events(engine, combine=combine),
            versions=Versions(engine),
            promotions=Promotions(engine),
            experiments=ExperimentEvents(engine),
            roster=Roster(engine),
            keys=Keys(engine),
            reviews=Reviews(engine, log_text=log_text, keep=timedelta(days=settings.review.keep_days)),
            spending=Spending(engine),
            probes=Probes(engine),
            recent=Recent(engine),
        )

    def served(self, *, gated: bool) -> Served:
        """Return the versions that serve, of what passes the gate or of what does not have to."""
        return Served(versions=self.versions, promotions=self.promotions, gated=gated)


def _queueing(settings: Settings) -> Queueing | None:
    """Return what queues answers for review; None where that is off."""
    review = settings.review
    if not review.enabled:
        return None
    why = Unsure(
        audit_share=review.audit_share,
        disagreement=review.disagreement,
        margin=review.margin,
        rules=rules(settings.judges),
        hints=hints(settings.judges),
    )
    return Queueing(
        why=why,
        daily_limit=review.daily_limit,
        reviewers=review.reviewers,
        for_audits=review.daily_limit // 2 if review.audit_share else 0,
    )
