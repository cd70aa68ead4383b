"""Keep a hash of the user that a request names, so that an experiment by user knows what came before it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_users_of_decisions"
down_revision = "20261123_asked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decisions", sa.Column("user_hash", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("decisions", "user_hash")
