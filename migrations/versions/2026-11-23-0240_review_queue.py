"""Keep a queue of answers that people are to grade, and who has which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_review_queue"
down_revision = "20261123_feedback_kinds"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "reviews",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("queued_at", time, nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("escalated", sa.Boolean(), nullable=False),
        sa.Column("done_at", time, nullable=True),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_reviews_decision_id")),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_reviews")),
    )
    op.create_index(op.f("ix_reviews_queued_at"), "reviews", ["queued_at"])
    op.create_table(
        "review_turns",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("expires_at", time, nullable=True),
        sa.Column("ended_at", time, nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("feedback_id", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["decision_id"], ["reviews.decision_id"], name=op.f("fk_review_turns_decision_id")),
        sa.PrimaryKeyConstraint("decision_id", "reviewer", name=op.f("pk_review_turns")),
    )


def downgrade() -> None:
    op.drop_table("review_turns")
    op.drop_index(op.f("ix_reviews_queued_at"), "reviews")
    op.drop_table("reviews")
