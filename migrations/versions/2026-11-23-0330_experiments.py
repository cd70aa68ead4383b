"""Keep what happens to experiments, and which arm of which experiment a decision is of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_experiments"
down_revision = "20261123_review_queue"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("experiment", "arm", "unit"):
        op.add_column("decisions", sa.Column(name, sa.Text(), nullable=True))
    op.create_index(op.f("ix_decisions_experiment"), "decisions", ["experiment"])
    op.create_table(
        "experiment_events",
        sa.Column("experiment", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("experiment", "number", name=op.f("pk_experiment_events")),
    )


def downgrade() -> None:
    op.drop_table("experiment_events")
    op.drop_index(op.f("ix_decisions_experiment"), "decisions")
    for name in ("unit", "arm", "experiment"):
        op.drop_column("decisions", name)
