"""Keep for a while what requests asked for beside their text, so that models can be probed with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_asked"
down_revision = "20261123_versions_of_models"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "asked",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("hints", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_asked_decision_id")),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_asked")),
    )
    op.create_index(op.f("ix_asked_created_at"), "asked", ["created_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_asked_created_at"), table_name="asked")
    op.drop_table("asked")
