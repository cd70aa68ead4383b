"""Keep what the shadow arms of experiments would have done."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_shadow_arms"
down_revision = "20261123_models"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shadows",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("pmf", sa.JSON(), nullable=False),
        sa.Column("predicted", sa.JSON(), nullable=False),
        sa.Column("chosen", sa.Integer(), nullable=False),
        sa.Column("propensity", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_shadows_decision_id")),
        sa.PrimaryKeyConstraint("decision_id", "arm", name=op.f("pk_shadows")),
    )


def downgrade() -> None:
    op.drop_table("shadows")
