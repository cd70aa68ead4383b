"""Note with each step whether its answer was to be judged, with which probability, and which answer it would serve."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("steps", sa.Column("judge", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
    op.add_column("steps", sa.Column("judged", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("steps", sa.Column("serve", sa.Integer(), nullable=True))


def downgrade() -> None:
    for column in ("serve", "judged", "judge"):
        op.drop_column("steps", column)
