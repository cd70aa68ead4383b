"""The tables of what a service knows beside its requests: people, versions, keys, models, experiments."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    false,
)

from bandit_router.store.tables.base import Utc, metadata, of_decision

reviews = Table(
    "reviews",
    metadata,
    of_decision(),
    Column("reason", Text, nullable=False, doc="audit | disagreement | margin"),
    Column("queued_at", Utc, nullable=False, index=True),
    Column("wanted", Integer, nullable=False, doc="how many reviewers are to grade it"),
    Column("escalated", Boolean, nullable=False),
    Column("done_at", Utc, doc="when the last grade wanted came"),
)

review_turns = Table(
    "review_turns",
    metadata,
    Column("decision_id", Text, ForeignKey("reviews.decision_id"), primary_key=True),
    Column("reviewer", Text, primary_key=True),
    Column("state", Text, nullable=False, doc="claimed | graded | skipped | escalated"),
    Column("expires_at", Utc, doc="of a claim"),
    Column("ended_at", Utc),
    Column("score", Double),
    Column("feedback_id", Text, doc="the grade as feedback"),
    Column("comment", Text, doc="why it was skipped or escalated"),
)

versions = Table(
    "versions",
    metadata,
    Column("policy", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("artifact", LargeBinary, doc="null once pruned"),
    Column("checksum", Text, nullable=False, doc="hex SHA-256 of artifact"),
    Column("cursor", BigInteger, nullable=False, doc="the last journal.seq learned"),
    Column("events", BigInteger, nullable=False),
    Column("spec_hash", Text, nullable=False),
    Column("parent", Integer),
    Column("created_at", Utc, nullable=False),
)

# Which version serves where that was decided: a policy without a row is served by its newest version.
serving = Table(
    "serving",
    metadata,
    Column("policy", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("pinned", Boolean, nullable=False, doc="stays until it is released"),
    Column("since", Utc, nullable=False),
    Column("reason", Text, nullable=False),
)

promotions = Table(
    "promotions",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("policy", Text, nullable=False, index=True),
    Column("number", Integer, nullable=False, doc="the version decided on"),
    Column("kind", Text, nullable=False, doc="promoted | refused | rolled_back | released"),
    Column("at", Utc, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("over", Integer, doc="the version that served before"),
    Column("numbers", JSON, nullable=False),
    sqlite_autoincrement=True,
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("expires_at", Utc, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True, doc="hex SHA-256 of the key; the key itself is not kept"),
    Column("created_at", Utc, nullable=False),
    Column("revoked_at", Utc),
    Column("value_usd", Double, doc="the dial of whoever holds the key"),
    Column("value_s", Double, doc="the holder's dial for time"),
    Column("admin", Boolean, nullable=False, server_default=false(), doc="may read every tenant's decisions"),
)

# What happened to experiments; where one stands is derived from it. A number is given out once for each experiment.
experiment_events = Table(
    "experiment_events",
    metadata,
    Column("experiment", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False, doc="started | ramped | stopped | rolled_back"),
    Column("share", Double, nullable=False, doc="of the eligible units, from then on"),
    Column("at", Utc, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("spec", JSON, doc="the experiment as it was started; with its first event only"),
)

models = Table(
    "models",
    metadata,
    Column("name", Text, primary_key=True),
    Column("entry", Text, doc="JSON, as [[models]] has it; null for a model of router.toml"),
    Column("state", Text, nullable=False, doc="candidate | probing | active | degraded | retired"),
    Column("since", Utc, nullable=False),
    Column("reason", Text, nullable=False),
    Column("numbers", JSON, nullable=False),
)

model_events = Table(
    "model_events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("model", Text, nullable=False, index=True, doc="* for all"),
    Column("at", Utc, nullable=False),
    Column("before", Text),
    Column("state", Text, doc="null where it was left alone"),
    Column("reason", Text, nullable=False),
    Column("numbers", JSON, nullable=False),
    Column("key", Text, unique=True),
    sqlite_autoincrement=True,
)
