"""The tables as SQLAlchemy Core describes them, one schema for SQLite and PostgreSQL; it opens and queries nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
    true,
)


class Utc(TypeDecorator[datetime]):
    """A moment, kept in UTC and read back with its time zone on SQLite too, which knows none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a naive time: its zone could only be guessed."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"the time {value} has no time zone; pass datetime.now(UTC)")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the time in UTC, whatever zone the session is in."""
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _of_decision() -> Column[str]:
    return Column("decision_id", Text, ForeignKey("decisions.id"), primary_key=True)


decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_at", Utc, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("session", Text),
    Column("policy", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("value_usd", Double, nullable=False),
    Column("category", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("surface", JSON, nullable=False),
    Column("embedding", LargeBinary, nullable=False, doc="float32, little endian"),
    Column("context_key", Text, nullable=False),
    Column("prompt", Text, doc="JSON, as log_text allows"),
    Column("value_s", Double, doc="the dial for time; null where time costs nothing"),
    Column("experiment", Text, index=True),
    Column("arm", Text),
    Column("unit", Text, doc="hex hash of what the experiment assigns by"),
    Column("kind", Text, nullable=False, server_default=text("'served'"), doc="served | probe | shadow"),
    Column("parent", Text, doc="of what is not served: the user's decision beside which it was made"),
)

_ASIDE: Final = decisions.c.kind != "served"
# What is run aside is counted by the day; users' own decisions are not in this index, so that it costs them nothing.
Index("ix_decisions_aside", decisions.c.created_at, sqlite_where=_ASIDE, postgresql_where=_ASIDE)

steps = Table(
    "steps",
    metadata,
    _of_decision(),
    Column("idx", Integer, primary_key=True),
    Column("policy", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("actions", JSON, nullable=False, doc="[{model, tier, cost_usd}]"),
    Column("pmf", JSON, nullable=False, doc="P(action), in the order of actions"),
    Column("predicted", JSON, nullable=False, doc="reward or null, in the order of actions; may be empty"),
    Column("chosen", Integer, nullable=False),
    Column("propensity", Double, nullable=False),
    Column("judge", JSON, nullable=False, server_default=text("'[]'"), doc="P(judged | action); may be empty: all 1"),
    Column("judged", Boolean, nullable=False, server_default=true(), doc="whether the answer was to be judged"),
    Column("serve", Integer, doc="which attempt the policy would serve when stopping"),
)

attempts = Table(
    "attempts",
    metadata,
    _of_decision(),
    Column("idx", Integer, primary_key=True),
    Column("model", Text, nullable=False),
    Column("tier", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("error", Text),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_usd", Double, nullable=False),
    Column("latency_s", Double, nullable=False),
    Column("judged", Boolean, nullable=False, doc="a panel sat, even when it came to no quality"),
    Column("quality", Double),
    Column("answer", Text, doc="the assistant message as JSON, as log_text allows"),
    Column("provider_model", Text, nullable=False, server_default="", doc="what the provider said that answered"),
    Column("system_fingerprint", Text),
)

judgements = Table(
    "judgements",
    metadata,
    Column("decision_id", Text, primary_key=True),
    Column("attempt_idx", Integer, primary_key=True),
    Column("idx", Integer, primary_key=True, doc="order within the panel, on which sums of floats depend"),
    Column("judge", Text, nullable=False),
    Column("score", Double),
    Column("reason", Text, nullable=False),
    Column("error", Text),
    Column("cost_usd", Double, nullable=False),
    Column("latency_s", Double, nullable=False),
    Column("skipped", Text, doc="abstained or not_asked; the reason is then the judge's own and quotes nothing"),
    Column("grader", Text, nullable=False, server_default="", doc="target of the model that graded"),
    Column("prompt", Text, nullable=False, server_default="", doc="version of the prompt it was asked with"),
    Column("own_family", Boolean, nullable=False, server_default=false(), doc="it graded its own family"),
    Column("preferred", JSON, nullable=False, server_default=text("'[]'"), doc="of a comparison, by order: 0, 1 or 2"),
    ForeignKeyConstraint(["decision_id", "attempt_idx"], ["attempts.decision_id", "attempts.idx"]),
)

outcomes = Table(
    "outcomes",
    metadata,
    _of_decision(),
    Column("finished_at", Utc, nullable=False),
    Column("status", Text, nullable=False),
    Column("served", Integer, doc="attempts.idx of the answer served"),
    Column("quality", Double),
    Column("cost_usd", Double, nullable=False),
    Column("latency_s", Double, nullable=False),
)

# Feedback is appended blindly and joined later, so its decision_id is no foreign key.
feedback = Table(
    "feedback",
    metadata,
    Column("id", Text, primary_key=True),
    Column("decision_id", Text, nullable=False, index=True),
    Column("score", Double, nullable=False),
    Column("label", Text),
    Column("comment", Text),
    Column("received_at", Utc, nullable=False),
    Column("late", Boolean, nullable=False, doc="kept, not learned from"),
    Column("kind", Text, nullable=False, server_default=text("'score'")),
)

# The one total order that every learner reads past a cursor. A seq is never used twice, and its order is the order of
# commits (session.writing says how): otherwise a reader past a cursor would miss what is committed behind it.
journal = Table(
    "journal",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False, doc="finished | feedback | changed"),
    Column("decision_id", Text, ForeignKey("decisions.id"), nullable=False, index=True),
    Column("feedback_id", Text),
    Column("model", Text, doc="of a change: the model; decision_id is then that of the event before"),
    sqlite_autoincrement=True,
)

# Answers that wait for a person. Their text stays with the decision; nothing of it is copied here.
reviews = Table(
    "reviews",
    metadata,
    _of_decision(),
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

shadows = Table(
    "shadows",
    metadata,
    _of_decision(),
    Column("arm", Text, primary_key=True),
    Column("policy", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("actions", JSON, nullable=False, doc="as in steps"),
    Column("pmf", JSON, nullable=False),
    Column("predicted", JSON, nullable=False),
    Column("chosen", Integer, nullable=False),
    Column("propensity", Double, nullable=False),
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
