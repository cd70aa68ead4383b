"""Keep which answer a comparison preferred in each order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_preferred"
down_revision = "20261123_aside"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("judgements", sa.Column("preferred", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    op.drop_column("judgements", "preferred")
