"""The tables as SQLAlchemy Core describes them, one schema for SQLite and PostgreSQL; it opens and queries nothing."""

from bandit_router.store.tables.base import Utc, metadata
from bandit_router.store.tables.requests import (
    asked,
    attempts,
    decisions,
    feedback,
    journal,
    judgements,
    outcomes,
    shadows,
    steps,
)
from bandit_router.store.tables.service import (
    experiment_events,
    keys,
    leases,
    model_events,
    models,
    promotions,
    review_turns,
    reviews,
    serving,
    versions,
)

__all__ = [
    "Utc",
    "asked",
    "attempts",
    "decisions",
    "experiment_events",
    "feedback",
    "journal",
    "judgements",
    "keys",
    "leases",
    "metadata",
    "model_events",
    "models",
    "outcomes",
    "promotions",
    "review_turns",
    "reviews",
    "serving",
    "shadows",
    "steps",
    "versions",
]
