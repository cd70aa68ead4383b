"""The tables of what was asked, decided, answered and said of it, and the journal of it all."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    false,
    text,
    true,
)

from bandit_router.store.tables.base import Utc, metadata, of_decision

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
    Column("user_hash", Text, doc="hex hash of the user whom the request names; the name itself is not kept"),
    Column("kind", Text, nullable=False, server_default=text("'served'"), doc="served | probe | shadow"),
    Column("parent", Text, doc="of what is not served: the user's decision beside which it was made"),
)

_ASIDE: Final = decisions.c.kind != "served"
# What is run aside is counted by the day; users' own decisions are not in this index, so that it costs them nothing.
Index("ix_decisions_aside", decisions.c.created_at, sqlite_where=_ASIDE, postgresql_where=_ASIDE)

# What a request asked for beside its prompt, where models may be probed with it later; rows are soon deleted.
asked = Table(
    "asked",
    metadata,
    of_decision(),
    Column("created_at", Utc, nullable=False, index=True),
    Column("params", JSON, nullable=False),
    Column("hints", JSON, nullable=False, doc="which models may take it, and at what price"),
)

steps = Table(
    "steps",
    metadata,
    of_decision(),
    Column("idx", Integer, primary_key=True),
    Column("policy", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("actions", JSON, nullable=False, doc="[{model, tier, cost_usd}], with what is known of the model"),
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
    of_decision(),
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
    of_decision(),
    Column("finished_at", Utc, nullable=False),
    Column("status", Text, nullable=False),
    Column("served", Integer, doc="attempts.idx of the answer served"),
    Column("quality", Double),
    Column("cost_usd", Double, nullable=False),
    Column("latency_s", Double, nullable=False),
)

shadows = Table(
    "shadows",
    metadata,
    of_decision(),
    Column("arm", Text, primary_key=True),
    Column("policy", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("actions", JSON, nullable=False, doc="as in steps"),
    Column("pmf", JSON, nullable=False),
    Column("predicted", JSON, nullable=False),
    Column("chosen", Integer, nullable=False),
    Column("propensity", Double, nullable=False),
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
